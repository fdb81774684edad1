package dev.tenfold.redis;

import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** One command of a user: sent once, awaited for the command timeout at most, and counted by how it ended. */
class Call<T> extends Pending<T> {
    private final Keeper keeper;
    private final Session session;

    Call(Keeper keeper, Session session) {
        super(keeper.timedOut());
        this.keeper = keeper;
        this.session = session;
    }

    /** Sends the command. Whatever goes wrong goes into the future. */
    final void send(Function<? super RedisClusterAsyncCommands<byte[], byte[]>, ? extends CompletionStage<T>> command) {
        try {
            await(command.apply(session.commands), keeper.deadlines());
        } catch (RuntimeException refused) {
            fail(explained(refused));
        }
    }

    /** Sends a command in place of the first one, until the same deadline. */
    final void sendInstead(
            Function<? super RedisClusterAsyncCommands<byte[], byte[]>, ? extends CompletionStage<T>> command) {
        try {
            awaitInstead(command.apply(session.commands));
        } catch (RuntimeException refused) {
            fail(explained(refused));
        }
    }

    /** A connection to a cluster that is closed meanwhile refuses commands with whatever it stumbles over. */
    private RuntimeException explained(RuntimeException refused) {
        return session.wire.isClosed() ? new RedisConnectionException("the connection was closed", refused) : refused;
    }

    @Override
    public void accept(T reply, @Nullable Throwable error) {
        if (error == null) session.answered();
        super.accept(reply, error);
    }

    @Override
    void fail(Throwable error) {
        if (isDone()) return; // expired or cancelled, and what Lettuce says of that is no news
        Fault fault = keeper.fault(error);
        keeper.stats.ended(fault);
        keeper.judge(session, fault);
        super.fail(fault.error());
    }

    @Override
    void onExpired() {
        keeper.stats.timeouts.increment();
        keeper.judge(session, keeper.lateReply());
    }

    /** A script: by its digest first, and as text to a server that does not know it. */
    static final class OfScript<T> extends Call<T> {
        private final RedisScript<T> script;
        private final byte[][] keys;
        private final byte[][] args;
        private boolean sentAsText;

        OfScript(Keeper keeper, Session session, RedisScript<T> script, byte[][] keys, byte[][] args) {
            super(keeper, session);
            this.script = script;
            this.keys = keys;
            this.args = args;
        }

        void send() {
            send(redis -> redis.evalsha(script.sha1(), script.outputType(), keys, args));
        }

        @Override
        void fail(Throwable error) {
            if (error instanceof RedisNoScriptException && !sentAsText && !isDone()) {
                sentAsText = true;
                loaded();
                // The server that answered has the keys, so it gets the text, and knows the script from now on.
                sendInstead(redis -> redis.eval(script.text(), script.outputType(), keys, args));
            } else {
                super.fail(error);
            }
        }
    }

    final void loaded() {
        keeper.stats.scriptLoads.increment();
    }
}
