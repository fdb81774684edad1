package dev.tenfold.query;

import org.jspecify.annotations.Nullable;

/**
 * A load that failed. The message names the loader and the remedy; the cause is what the batch function threw.
 *
 * <p>Failures are never cached: the next load of the same key asks again.
 */
public class LoadException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The loader's name. */
    private final String loader;

    LoadException(String loader, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.loader = loader;
    }

    /**
     * The loader's name.
     *
     * @return the name given by {@link Loader#named}, or the one it was born with
     */
    public String loader() {
        return loader;
    }

    /** There is no value for the key, and the loader has no {@link Loader#whenAbsent}. */
    public static final class Missing extends LoadException {
        private static final long serialVersionUID = 1L;

        Missing(String loader, String message) {
            super(loader, message, null);
        }
    }

    /** The scope's {@link ScopeOptions#deadline} passed first. */
    public static final class DeadlineExceeded extends LoadException {
        private static final long serialVersionUID = 1L;

        DeadlineExceeded(String loader, String message, @Nullable Throwable cause) {
            super(loader, message, cause);
        }
    }

    /** The waiting member was interrupted, as happens when another member of its scope fails. */
    public static final class Cancelled extends LoadException {
        private static final long serialVersionUID = 1L;

        Cancelled(String loader, String message) {
            super(loader, message, null);
        }
    }
}
