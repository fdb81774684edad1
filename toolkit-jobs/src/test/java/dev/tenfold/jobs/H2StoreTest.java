package dev.tenfold.jobs;

class H2StoreTest extends StoreContract {
    @Override
    String url() {
        return "jdbc:h2:mem:store-test"; // gone with the pool's last connection
    }
}
