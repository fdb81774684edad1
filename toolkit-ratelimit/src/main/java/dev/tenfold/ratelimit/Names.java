package dev.tenfold.ratelimit;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Names of keys on Redis: {@code prefix{tag}place}. The tag is a digest of the key's first part, or of the one part that is
 * counted; the place is one of the policy, the limit and all parts that are counted. As every part goes in with its length,
 * no two keys run into each other, and as it is HMAC-SHA-256, nobody can make them. Safe for use by many threads.
 */
final class Names {
    /** 128 bits, so that no two keys share a tag by chance. */
    private static final int TAG_BYTES = 16;
    /** 64 bits, among the limits of one tag. */
    private static final int PLACE_BYTES = 8;

    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    private final byte[] prefix;
    private final Mac keyed;
    private final AtomicReference<@Nullable Mac> spare = new AtomicReference<>();

    /** For keys of one part, of which the place says nothing. */
    private final ByPolicy<Map<Limit, byte[]>> placesOfLimits = new ByPolicy<>(ConcurrentHashMap::new);

    Names(RateLimiterOptions options) {
        prefix = options.prefixBytes();
        try {
            keyed = Mac.getInstance("HmacSHA256");
            keyed.init(new SecretKeySpec(options.secret, "HmacSHA256"));
        } catch (GeneralSecurityException e) {
            throw new LinkageError("every Java runtime has HmacSHA256", e);
        }
    }

    /**
     * The name of what one limit counts.
     *
     * @param counted the part of the key that the limit goes by, or the whole key
     */
    byte[] of(Policy policy, Limit limit, Object counted) {
        if (counted instanceof Key parts) return name(tag(parts.values.get(0)), place(policy, limit, parts));
        byte[] place = placesOfLimits.of(policy).computeIfAbsent(limit, missing -> place(policy, limit, null));
        return name(tag((String) counted), place);
    }

    /** A single part's value is in the tag already. */
    private byte[] place(Policy policy, Limit limit, @Nullable Key parts) {
        Mac place = take();
        add(place, policy.name);
        add(place, limit.name);
        add(place, limit.window ? "W" : "B");
        if (parts == null) {
            add(place, limit.by == null ? Key.ONLY : limit.by);
        } else {
            addAll(place, parts.names);
            addAll(place, parts.values);
        }
        return BASE64.encode(digest(place, PLACE_BYTES));
    }

    /** The name of something that all limiters with this prefix share. */
    byte[] shared(String what) {
        Mac place = take();
        add(place, what);
        return name(tag(what), BASE64.encode(digest(place, PLACE_BYTES)));
    }

    private byte[] tag(String value) {
        Mac tag = take();
        add(tag, value);
        return BASE64.encode(digest(tag, TAG_BYTES));
    }

    private byte[] name(byte[] tag, byte[] place) {
        byte[] name = Arrays.copyOf(prefix, prefix.length + tag.length + place.length + 2);
        int at = prefix.length;
        name[at++] = '{';
        System.arraycopy(tag, 0, name, at, tag.length);
        at += tag.length;
        name[at++] = '}';
        System.arraycopy(place, 0, name, at, place.length);
        return name;
    }

    /** One that nobody else uses: the one that was used last, or a copy. */
    private Mac take() {
        Mac last = spare.getAndSet(null);
        if (last != null) return last;
        try {
            return (Mac) keyed.clone();
        } catch (CloneNotSupportedException e) {
            throw new LinkageError("the Java runtime's HmacSHA256 cannot be copied", e);
        }
    }

    private byte[] digest(Mac mac, int length) {
        byte[] digest = Arrays.copyOf(mac.doFinal(), length);
        spare.set(mac);
        return digest;
    }

    private static void addAll(Mac mac, List<String> texts) {
        for (String text : texts) add(mac, text);
    }

    /** As UTF-16, since an encoder would turn different broken texts into the same bytes. */
    private static void add(Mac mac, String text) {
        byte[] bytes = new byte[4 + 2 * text.length()];
        int length = text.length();
        bytes[0] = (byte) (length >>> 24);
        bytes[1] = (byte) (length >>> 16);
        bytes[2] = (byte) (length >>> 8);
        bytes[3] = (byte) length;
        for (int i = 0, at = 4; i < length; i++) {
            char c = text.charAt(i);
            bytes[at++] = (byte) (c >>> 8);
            bytes[at++] = (byte) c;
        }
        mac.update(bytes);
    }
}
