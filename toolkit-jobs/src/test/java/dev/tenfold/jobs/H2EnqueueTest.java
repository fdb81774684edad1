package dev.tenfold.jobs;

class H2EnqueueTest extends EnqueueContract {
    @Override
    String url() {
        return "jdbc:h2:mem:enqueue-test"; // gone with the pool's last connection
    }
}
