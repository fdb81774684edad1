package dev.tenfold.benchmarks;

import cn.dev33.satoken.SaManager;
import cn.dev33.satoken.config.SaTokenConfig;
import cn.dev33.satoken.dao.SaTokenDaoForRedisson;
import cn.dev33.satoken.serializer.impl.SaSerializerTemplateForJdkUseBase64;
import cn.dev33.satoken.stp.StpLogic;
import org.redisson.Redisson;
import org.redisson.api.RedissonClient;
import org.redisson.client.codec.StringCodec;
import org.redisson.config.Config;

/** Sessions of Sa-Token, which keeps its settings in statics: one at a time. */
final class AuthSessionSaToken implements AuthSessionNode {
    private static final int IDLE_SECONDS = 30 * 60;

    static final String SETTINGS = "Sa-Token " + Versions.of("sa-token") + ", SaTokenDaoForRedisson on Redisson "
            + Versions.of("redisson") + " with StringCodec; activeTimeout " + IDLE_SECONDS
            + " s, autoRenew: getLoginIdNotHandle, checkActiveTimeout and updateLastActiveToNow, which is what getLoginId"
            + " does for each request";

    private final RedissonClient client;
    private final StpLogic logic = new StpLogic("login");

    AuthSessionSaToken(String uri) {
        Config config = new Config();
        config.useSingleServer().setAddress(uri);
        config.setCodec(StringCodec.INSTANCE);
        client = Redisson.create(config);
        SaManager.setConfig(new SaTokenConfig()
                .setIsPrint(false)
                .setIsLog(false)
                .setActiveTimeout(IDLE_SECONDS)
                .setAutoRenew(true));
        SaManager.setSaSerializerTemplate(new SaSerializerTemplateForJdkUseBase64());
        SaManager.setSaTokenDao(new SaTokenDaoForRedisson(client));
    }

    @Override
    public String logIn(String subject) {
        return logic.createLoginSession(subject);
    }

    @Override
    public String subject(String id) {
        String subject = logic.getLoginIdNotHandle(id);
        if (subject == null) throw new IllegalStateException("sa-token has lost a session");
        logic.checkActiveTimeout(id);
        logic.updateLastActiveToNow(id);
        return subject;
    }

    @Override
    public void close() {
        client.shutdown();
    }
}
