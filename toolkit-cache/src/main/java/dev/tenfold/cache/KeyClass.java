package dev.tenfold.cache;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Constructor;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A record or enum class whose keys were met here: what their bytes begin with, and how they come apart and together. */
final class KeyClass {
    private static final Logger LOG = LoggerFactory.getLogger(KeyClass.class);

    private final Class<?> type;
    private final byte[] head;
    private final RecordComponent[] components;
    private final MethodHandle[] accessors;
    private final @Nullable MethodHandle constructor;
    private final Map<String, Object> constants;

    private KeyClass(
            Class<?> type,
            String tag,
            RecordComponent[] components,
            MethodHandle[] accessors,
            @Nullable MethodHandle constructor,
            Map<String, Object> constants) {
        if (type.getName().indexOf(':') >= 0) {
            throw new IllegalArgumentException(
                    "the name of " + type.getName() + ", a key's class, has a colon, which ends"
                            + " names in keys; rename it, or use keys(encode, decode)");
        }
        this.type = type;
        this.head = (tag + ':' + type.getName() + ':').getBytes(StandardCharsets.UTF_8);
        this.components = components;
        this.accessors = accessors;
        this.constructor = constructor;
        this.constants = constants;
    }

    /**
     * Looks into a class.
     *
     * @param sample an instance
     * @throws IllegalArgumentException if the class is closed to us, or does not make an equal of the sample
     */
    static KeyClass of(Class<?> type, Object sample) {
        return type.isEnum() ? ofEnum(type) : ofRecord(type, sample);
    }

    private static KeyClass ofEnum(Class<?> type) {
        Map<String, Object> constants = new HashMap<>();
        for (Object constant : type.getEnumConstants()) {
            constants.put(((Enum<?>) constant).name(), constant);
        }
        return new KeyClass(type, "e", new RecordComponent[0], new MethodHandle[0], null, constants);
    }

    private static KeyClass ofRecord(Class<?> type, Object sample) {
        RecordComponent[] components = type.getRecordComponents();
        MethodHandle[] accessors = new MethodHandle[components.length];
        MethodHandle constructor;
        try {
            for (int i = 0; i < accessors.length; i++) {
                Method accessor = components[i].getAccessor();
                accessor.setAccessible(true); // a record may be private to its class
                accessors[i] = MethodHandles.lookup()
                        .unreflect(accessor)
                        .asType(MethodType.methodType(Object.class, Object.class));
            }
            Constructor<?> canonical = type.getDeclaredConstructor(
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
            canonical.setAccessible(true);
            constructor = MethodHandles.lookup()
                    .unreflectConstructor(canonical)
                    .asSpreader(Object[].class, components.length)
                    .asType(MethodType.methodType(Object.class, Object[].class));
        } catch (InaccessibleObjectException | ReflectiveOperationException e) {
            throw new IllegalArgumentException(
                    "the components of " + type.getName() + ", a key's class, cannot be read; open its package to "
                            + KeyClass.class.getPackageName() + ", or use keys(encode, decode)",
                    e);
        }
        KeyClass made = new KeyClass(type, "r", components, accessors, constructor, Map.of());
        made.check(sample);
        return made;
    }

    private void check(Object sample) {
        Object[] values = new Object[size()];
        for (int i = 0; i < values.length; i++) {
            Object value = component(sample, i);
            if (value == null) {
                throw isNull(i);
            }
            values[i] = value;
        }
        Object again = make(Arrays.asList(values));
        if (!sample.equals(again)) {
            throw new IllegalArgumentException(
                    "record " + type.getName() + " makes " + again + " from the components of "
                            + sample
                            + "; the invalidations of other nodes would miss it: keep the components as they are given,"
                            + " or use keys(encode, decode)");
        }
    }

    IllegalArgumentException isNull(int component) {
        return new IllegalArgumentException("component " + name(component) + " of key " + type.getSimpleName()
                + " is null; give it a value that stands for none, or use keys(encode, decode)");
    }

    Class<?> type() {
        return type;
    }

    /** What the bytes of its keys begin with. */
    byte[] head() {
        return head;
    }

    int size() {
        return components.length;
    }

    String name(int component) {
        return components[component].getName();
    }

    @Nullable
    Object component(Object record, int component) {
        try {
            return (Object) accessors[component].invokeExact(record);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalArgumentException(
                    "cannot read component " + name(component) + " of key " + type.getName(), e);
        }
    }

    /** A record of these components; null if they are not those of this class, of which no record exists then. */
    @Nullable
    Object make(List<Object> values) {
        if (constructor == null || values.size() != size()) {
            return null;
        }
        try {
            return (Object) constructor.invokeExact(values.toArray());
        } catch (Error e) {
            throw e;
        } catch (Throwable e) {
            // Another version of the class, on another node. What this one refuses to make, nobody here has made.
            LOG.debug("no key of {} has the components {}", type.getName(), values, e);
            return null;
        }
    }

    @Nullable
    Object constant(String name) {
        return constants.get(name);
    }
}
