package dev.tenfold.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;

/** JSON by Jackson as it comes. */
final class TestCodec implements PayloadCodec {
    private final ObjectMapper mapper = new ObjectMapper();

    @Override
    public byte[] encode(Object payload) throws Exception {
        return mapper.writeValueAsBytes(payload);
    }

    @Override
    public <T> T decode(byte[] bytes, Class<T> type) throws Exception {
        return mapper.readValue(bytes, type);
    }
}
