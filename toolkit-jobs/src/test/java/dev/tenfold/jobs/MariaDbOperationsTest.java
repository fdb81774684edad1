package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import java.sql.Connection;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class MariaDbOperationsTest extends OperationsContract {
    @Override
    OpsDatabase open() {
        return OpsDatabase.mariaDb();
    }

    @Test
    void an_old_transaction_is_found_and_named() throws Exception {
        try (Connection open = openTransaction()) {
            Await.until(
                    "the transaction is seen",
                    () -> health(o -> o.transactionAge(Duration.ofMillis(1))).findings().stream()
                            .anyMatch(each -> each.check().equals("old-transaction")));
            assertThat(finding(health(o -> o.transactionAge(Duration.ofMillis(1))), "old-transaction")
                            .remedy())
                    .contains("kill ");
            assertThat(health(o -> o).findings()).noneMatch(each -> each.check().equals("old-transaction"));
            open.rollback();
        }
    }
}
