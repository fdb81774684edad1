package dev.tenfold.cache;

/** How a read fails that has nothing to return. What a loader throws unchecked is thrown as it is, not wrapped in this. */
public class CacheException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CacheException(String message, Throwable cause) {
        super(message, cause);
    }

    /** The load took longer than {@link CacheBuilder#hardTimeout}. It goes on, and its value is stored when it comes. */
    public static final class TimedOut extends CacheException {
        private static final long serialVersionUID = 1L;

        TimedOut(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** The thread was interrupted while it waited for a load; it stays interrupted. The load goes on for others. */
    public static final class Interrupted extends CacheException {
        private static final long serialVersionUID = 1L;

        Interrupted(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** The loader threw a checked exception, which is the cause. */
    public static final class LoadFailed extends CacheException {
        private static final long serialVersionUID = 1L;

        LoadFailed(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
