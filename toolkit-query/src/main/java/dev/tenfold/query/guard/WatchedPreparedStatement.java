package dev.tenfold.query.guard;

import java.io.InputStream;
import java.io.Reader;
import java.math.BigDecimal;
import java.net.URL;
import java.sql.Array;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Date;
import java.sql.NClob;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.Ref;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.RowId;
import java.sql.SQLException;
import java.sql.SQLType;
import java.sql.SQLXML;
import java.sql.Time;
import java.sql.Timestamp;
import java.util.Arrays;
import java.util.Calendar;
import org.jspecify.annotations.Nullable;

/** A statement with parameters, whose values are kept as numbers: whole ones as they are, others as hashes. */
final class WatchedPreparedStatement extends WatchedStatement implements PreparedStatement {
    private PreparedStatement prepared;
    private Text text;
    private long[] values = new long[4];
    private int count;
    private volatile boolean free;

    WatchedPreparedStatement(WatchedConnection connection, PreparedStatement prepared, Text text) {
        super(connection, prepared);
        this.prepared = prepared;
        this.text = text;
    }

    /** Takes another statement, if the one before was closed. */
    boolean take(PreparedStatement next, Text its) {
        if (!free) return false;
        free = false;
        reset(next);
        prepared = next;
        text = its;
        count = 0;
        return true;
    }

    @Override
    public void close() throws SQLException {
        try {
            rowsEnd();
        } finally {
            prepared.close();
        }
        free = true;
    }

    @Override
    public ResultSet executeQuery() throws SQLException {
        long start = connection.begin(text);
        Entry counted;
        ResultSet rows = null;
        try {
            rows = prepared.executeQuery();
        } finally {
            counted = executed(text, values, count, start, 1);
        }
        return connection.guard().rows(rows, this, text, counted, start);
    }

    @Override
    public boolean execute() throws SQLException {
        long start = connection.begin(text);
        try {
            return prepared.execute();
        } finally {
            executed(text, values, count, start, 1);
        }
    }

    @Override
    public int executeUpdate() throws SQLException {
        long start = connection.begin(text);
        try {
            return prepared.executeUpdate();
        } finally {
            executed(text, values, count, start, 1);
        }
    }

    @Override
    public long executeLargeUpdate() throws SQLException {
        long start = connection.begin(text);
        try {
            return prepared.executeLargeUpdate();
        } finally {
            executed(text, values, count, start, 1);
        }
    }

    @Override
    public void addBatch() throws SQLException {
        addedToBatch();
        prepared.addBatch();
    }

    @Override
    Text textOfBatch() {
        return text;
    }

    @Override
    void executedBatch(Text its, long start, int size) {
        if (size == 1) executed(its, values, count, start, 1);
        else super.executedBatch(its, start, size);
    }

    @Override
    public void clearParameters() throws SQLException {
        count = 0;
        prepared.clearParameters();
    }

    private void bind(int parameter, long value) {
        int i = parameter - 1;
        if (i < 0) return; // the driver will refuse it
        if (i >= Entry.MOST_VALUES) {
            count = Entry.MOST_VALUES + 1;
            return;
        }
        if (i >= values.length) values = Arrays.copyOf(values, Math.max(i + 1, values.length * 2));
        values[i] = value;
        if (i >= count) count = i + 1;
    }

    @Override
    public void setNull(int parameterIndex, int sqlType) throws SQLException {
        bind(parameterIndex, Values.NULL);
        prepared.setNull(parameterIndex, sqlType);
    }

    @Override
    public void setBoolean(int parameterIndex, boolean x) throws SQLException {
        bind(parameterIndex, x ? 1 : 2);
        prepared.setBoolean(parameterIndex, x);
    }

    @Override
    public void setByte(int parameterIndex, byte x) throws SQLException {
        bind(parameterIndex, x);
        prepared.setByte(parameterIndex, x);
    }

    @Override
    public void setShort(int parameterIndex, short x) throws SQLException {
        bind(parameterIndex, x);
        prepared.setShort(parameterIndex, x);
    }

    @Override
    public void setInt(int parameterIndex, int x) throws SQLException {
        bind(parameterIndex, x);
        prepared.setInt(parameterIndex, x);
    }

    @Override
    public void setLong(int parameterIndex, long x) throws SQLException {
        bind(parameterIndex, x);
        prepared.setLong(parameterIndex, x);
    }

    @Override
    public void setFloat(int parameterIndex, float x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setFloat(parameterIndex, x);
    }

    @Override
    public void setDouble(int parameterIndex, double x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setDouble(parameterIndex, x);
    }

    @Override
    public void setBigDecimal(int parameterIndex, @Nullable BigDecimal x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setBigDecimal(parameterIndex, x);
    }

    @Override
    public void setString(int parameterIndex, @Nullable String x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setString(parameterIndex, x);
    }

    @Override
    public void setBytes(int parameterIndex, byte @Nullable [] x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setBytes(parameterIndex, x);
    }

    @Override
    public void setDate(int parameterIndex, @Nullable Date x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setDate(parameterIndex, x);
    }

    @Override
    public void setTime(int parameterIndex, @Nullable Time x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setTime(parameterIndex, x);
    }

    @Override
    public void setTimestamp(int parameterIndex, @Nullable Timestamp x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setTimestamp(parameterIndex, x);
    }

    @Override
    public void setAsciiStream(int parameterIndex, @Nullable InputStream x, int length) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setAsciiStream(parameterIndex, x, length);
    }

    @Override
    @Deprecated
    public void setUnicodeStream(int parameterIndex, @Nullable InputStream x, int length) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setUnicodeStream(parameterIndex, x, length);
    }

    @Override
    public void setBinaryStream(int parameterIndex, @Nullable InputStream x, int length) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setBinaryStream(parameterIndex, x, length);
    }

    @Override
    public void setObject(int parameterIndex, @Nullable Object x, int targetSqlType) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setObject(parameterIndex, x, targetSqlType);
    }

    @Override
    public void setObject(int parameterIndex, @Nullable Object x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setObject(parameterIndex, x);
    }

    @Override
    public void setCharacterStream(int parameterIndex, @Nullable Reader reader, int length) throws SQLException {
        bind(parameterIndex, Values.of(reader));
        prepared.setCharacterStream(parameterIndex, reader, length);
    }

    @Override
    public void setRef(int parameterIndex, @Nullable Ref x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setRef(parameterIndex, x);
    }

    @Override
    public void setBlob(int parameterIndex, @Nullable Blob x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setBlob(parameterIndex, x);
    }

    @Override
    public void setClob(int parameterIndex, @Nullable Clob x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setClob(parameterIndex, x);
    }

    @Override
    public void setArray(int parameterIndex, @Nullable Array x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setArray(parameterIndex, x);
    }

    @Override
    public ResultSetMetaData getMetaData() throws SQLException {
        return prepared.getMetaData();
    }

    @Override
    public void setDate(int parameterIndex, @Nullable Date x, @Nullable Calendar cal) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setDate(parameterIndex, x, cal);
    }

    @Override
    public void setTime(int parameterIndex, @Nullable Time x, @Nullable Calendar cal) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setTime(parameterIndex, x, cal);
    }

    @Override
    public void setTimestamp(int parameterIndex, @Nullable Timestamp x, @Nullable Calendar cal) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setTimestamp(parameterIndex, x, cal);
    }

    @Override
    public void setNull(int parameterIndex, int sqlType, @Nullable String typeName) throws SQLException {
        bind(parameterIndex, Values.NULL);
        prepared.setNull(parameterIndex, sqlType, typeName);
    }

    @Override
    public void setURL(int parameterIndex, @Nullable URL x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setURL(parameterIndex, x);
    }

    @Override
    public ParameterMetaData getParameterMetaData() throws SQLException {
        return prepared.getParameterMetaData();
    }

    @Override
    public void setRowId(int parameterIndex, @Nullable RowId x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setRowId(parameterIndex, x);
    }

    @Override
    public void setNString(int parameterIndex, @Nullable String value) throws SQLException {
        bind(parameterIndex, Values.of(value));
        prepared.setNString(parameterIndex, value);
    }

    @Override
    public void setNCharacterStream(int parameterIndex, @Nullable Reader value, long length) throws SQLException {
        bind(parameterIndex, Values.of(value));
        prepared.setNCharacterStream(parameterIndex, value, length);
    }

    @Override
    public void setNClob(int parameterIndex, @Nullable NClob value) throws SQLException {
        bind(parameterIndex, Values.of(value));
        prepared.setNClob(parameterIndex, value);
    }

    @Override
    public void setClob(int parameterIndex, @Nullable Reader reader, long length) throws SQLException {
        bind(parameterIndex, Values.of(reader));
        prepared.setClob(parameterIndex, reader, length);
    }

    @Override
    public void setBlob(int parameterIndex, @Nullable InputStream inputStream, long length) throws SQLException {
        bind(parameterIndex, Values.of(inputStream));
        prepared.setBlob(parameterIndex, inputStream, length);
    }

    @Override
    public void setNClob(int parameterIndex, @Nullable Reader reader, long length) throws SQLException {
        bind(parameterIndex, Values.of(reader));
        prepared.setNClob(parameterIndex, reader, length);
    }

    @Override
    public void setSQLXML(int parameterIndex, @Nullable SQLXML xmlObject) throws SQLException {
        bind(parameterIndex, Values.of(xmlObject));
        prepared.setSQLXML(parameterIndex, xmlObject);
    }

    @Override
    public void setObject(int parameterIndex, @Nullable Object x, int targetSqlType, int scaleOrLength)
            throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setObject(parameterIndex, x, targetSqlType, scaleOrLength);
    }

    @Override
    public void setAsciiStream(int parameterIndex, @Nullable InputStream x, long length) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setAsciiStream(parameterIndex, x, length);
    }

    @Override
    public void setBinaryStream(int parameterIndex, @Nullable InputStream x, long length) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setBinaryStream(parameterIndex, x, length);
    }

    @Override
    public void setCharacterStream(int parameterIndex, @Nullable Reader reader, long length) throws SQLException {
        bind(parameterIndex, Values.of(reader));
        prepared.setCharacterStream(parameterIndex, reader, length);
    }

    @Override
    public void setAsciiStream(int parameterIndex, @Nullable InputStream x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setAsciiStream(parameterIndex, x);
    }

    @Override
    public void setBinaryStream(int parameterIndex, @Nullable InputStream x) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setBinaryStream(parameterIndex, x);
    }

    @Override
    public void setCharacterStream(int parameterIndex, @Nullable Reader reader) throws SQLException {
        bind(parameterIndex, Values.of(reader));
        prepared.setCharacterStream(parameterIndex, reader);
    }

    @Override
    public void setNCharacterStream(int parameterIndex, @Nullable Reader value) throws SQLException {
        bind(parameterIndex, Values.of(value));
        prepared.setNCharacterStream(parameterIndex, value);
    }

    @Override
    public void setClob(int parameterIndex, @Nullable Reader reader) throws SQLException {
        bind(parameterIndex, Values.of(reader));
        prepared.setClob(parameterIndex, reader);
    }

    @Override
    public void setBlob(int parameterIndex, @Nullable InputStream inputStream) throws SQLException {
        bind(parameterIndex, Values.of(inputStream));
        prepared.setBlob(parameterIndex, inputStream);
    }

    @Override
    public void setNClob(int parameterIndex, @Nullable Reader reader) throws SQLException {
        bind(parameterIndex, Values.of(reader));
        prepared.setNClob(parameterIndex, reader);
    }

    @Override
    public void setObject(int parameterIndex, @Nullable Object x, SQLType targetSqlType, int scaleOrLength)
            throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setObject(parameterIndex, x, targetSqlType, scaleOrLength);
    }

    @Override
    public void setObject(int parameterIndex, @Nullable Object x, SQLType targetSqlType) throws SQLException {
        bind(parameterIndex, Values.of(x));
        prepared.setObject(parameterIndex, x, targetSqlType);
    }
}
