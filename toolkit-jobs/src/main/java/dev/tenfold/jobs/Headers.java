package dev.tenfold.jobs;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A job's headers as its row has them: {@code name=value&name=value}, percent-encoded. */
final class Headers {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._:/-]{1,100}");
    private static final int LONGEST = 4_096;

    private Headers() {}

    static void check(@Nullable String name, @Nullable String value) {
        if (name == null || !NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "header \"" + name + "\" must be named by 1 to 100 letters, digits and . _ : / -");
        }
        if (value == null) {
            throw new IllegalArgumentException("header " + name + " has no value; leave it out");
        }
    }

    /** Null for none. */
    static @Nullable String encode(Map<String, String> headers) {
        if (headers.isEmpty()) {
            return null;
        }
        StringBuilder text = new StringBuilder();
        headers.forEach((name, value) -> {
            check(name, value); // a listener may have added it
            text.append(text.isEmpty() ? "" : "&").append(name).append('=');
            text.append(URLEncoder.encode(value, StandardCharsets.UTF_8));
        });
        if (text.length() > LONGEST) {
            throw new IllegalArgumentException("the headers " + headers.keySet() + " have " + text.length()
                    + " characters, percent-encoded; 4,096 is the most: put what is large into the payload");
        }
        return text.toString();
    }

    /** In their order; unmodifiable. */
    static Map<String, String> decode(@Nullable String text) {
        if (text == null || text.isEmpty()) {
            return Map.of();
        }
        Map<String, String> headers = new LinkedHashMap<>();
        for (String each : text.split("&", -1)) {
            int equals = each.indexOf('=');
            if (equals > 0) {
                headers.put(
                        each.substring(0, equals),
                        URLDecoder.decode(each.substring(equals + 1), StandardCharsets.UTF_8));
            }
        }
        return Collections.unmodifiableMap(headers);
    }
}
