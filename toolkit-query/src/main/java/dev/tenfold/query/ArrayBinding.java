package dev.tenfold.query;

import java.lang.reflect.Array;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.util.List;
import org.jooq.Binding;
import org.jooq.BindingGetResultSetContext;
import org.jooq.BindingGetSQLInputContext;
import org.jooq.BindingGetStatementContext;
import org.jooq.BindingRegisterContext;
import org.jooq.BindingSQLContext;
import org.jooq.BindingSetSQLOutputContext;
import org.jooq.BindingSetStatementContext;
import org.jooq.Converter;
import org.jooq.Field;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;

/** A bind of all keys that reaches PostgreSQL's driver as an array of their type, with no cast in the statement's text. */
final class ArrayBinding implements Binding<Object, Object[]> {
    private static final long serialVersionUID = 1L;

    static Field<Object[]> of(List<?> keys) {
        Object[] typed = (Object[]) Array.newInstance(keys.get(0).getClass(), keys.size());
        return DSL.val(keys.toArray(typed), SQLDataType.OTHER.asConvertedDataType(new ArrayBinding()));
    }

    @Override
    public Converter<Object, Object[]> converter() {
        return Converter.ofNullable(Object.class, Object[].class, value -> (Object[]) value, array -> array);
    }

    @Override
    public void sql(BindingSQLContext<Object[]> context) {
        context.render().sql("?");
    }

    @Override
    public void set(BindingSetStatementContext<Object[]> context) throws SQLException {
        Object[] keys = context.value();
        String type = JdbcBatch.ARRAY_TYPES.get(keys.getClass().getComponentType());
        context.statement()
                .setArray(context.index(), context.statement().getConnection().createArrayOf(type, keys));
    }

    @Override
    public void register(BindingRegisterContext<Object[]> context) throws SQLException {
        throw new SQLFeatureNotSupportedException("keys are input only");
    }

    @Override
    public void set(BindingSetSQLOutputContext<Object[]> context) throws SQLException {
        throw new SQLFeatureNotSupportedException("keys are statement parameters only");
    }

    @Override
    public void get(BindingGetResultSetContext<Object[]> context) throws SQLException {
        throw new SQLFeatureNotSupportedException("keys are input only");
    }

    @Override
    public void get(BindingGetStatementContext<Object[]> context) throws SQLException {
        throw new SQLFeatureNotSupportedException("keys are input only");
    }

    @Override
    public void get(BindingGetSQLInputContext<Object[]> context) throws SQLException {
        throw new SQLFeatureNotSupportedException("keys are input only");
    }
}
