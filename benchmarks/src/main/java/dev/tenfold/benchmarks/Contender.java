package dev.tenfold.benchmarks;

/**
 * One way to do the work of a comparison.
 *
 * @param name {@code ours}, or the peer's
 * @param settings what it runs with, printed
 * @param request does one request's worth of work
 */
record Contender(String name, String settings, Request request) {

    /** One request. */
    interface Request {
        /**
         * Answers one request.
         *
         * @param page which of the comparison's inputs to work on, from 0
         * @return a checksum of the answer, the same for all contenders; it is verified, which also keeps the compiler from
         *     dropping the work
         */
        long answer(int page) throws Exception;
    }
}
