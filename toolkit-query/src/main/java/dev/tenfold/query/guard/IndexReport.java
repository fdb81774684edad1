package dev.tenfold.query.guard;

import java.util.List;

/**
 * What an {@link IndexCheck} found.
 *
 * @param database the database's name and version
 * @param advice most urgent first
 * @param notes what was not looked at, and why
 */
public record IndexReport(String database, List<IndexAdvice> advice, List<String> notes) {}
