package dev.tenfold.query.index;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import org.xml.sax.helpers.DefaultHandler;

/**
 * What PostgreSQL means to do for a statement: what a check of indexes needs of {@code explain (verbose, format xml)}.
 *
 * <p>XML, for the JDK reads it without a library.
 *
 * @param cost of all of it, in the planner's units
 * @param scans that read a whole table
 * @param indexes the names of those that it uses
 * @param pruned whether parts of it were left out for the values at hand
 */
record QueryPlan(double cost, List<Scan> scans, Set<String> indexes, boolean pruned) {
    /**
     * A table that is read from its first page to its last.
     *
     * @param alias as the filter names it
     * @param filter empty if there is none
     * @param rows how many pass the filter, over all workers
     * @param cost of this scan
     * @param sortKey what its rows, and nothing but them, are sorted by for a limit; null if they are not
     * @param repeated whether it may be done again and again, which its cost does not show: in a subquery, or inside of a
     *     nested loop
     */
    record Scan(
            String schema,
            String table,
            String alias,
            String filter,
            double rows,
            double cost,
            @Nullable String sortKey,
            boolean repeated) {}

    /** Where in the plan a node is. */
    private record Place(
            double processes, boolean limited, @Nullable String sortKey, boolean repeated) {
        static final Place TOP = new Place(1, false, null, false);
    }

    /**
     * Reads a plan.
     *
     * @throws SAXException if it is not well-formed: XML cannot hold all characters that a literal may have
     */
    static QueryPlan read(String xml) throws SAXException {
        Element explain = root(xml);
        Element query = child(explain, "Query");
        Element top = query == null ? null : child(query, "Plan");
        if (top == null) throw new SAXException("there is no plan in it");
        List<Scan> scans = new ArrayList<>();
        Set<String> indexes = new TreeSet<>();
        boolean pruned = walk(top, Place.TOP, scans, indexes);
        return new QueryPlan(number(top, "Total-Cost"), List.copyOf(scans), indexes, pruned);
    }

    private static Element root(String xml) throws SAXException {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            factory.setExpandEntityReferences(false);
            var builder = factory.newDocumentBuilder();
            builder.setErrorHandler(new DefaultHandler()); // the builder's own prints to standard error
            return builder.parse(new InputSource(new StringReader(xml))).getDocumentElement();
        } catch (ParserConfigurationException | IOException e) {
            throw new SAXException("cannot read XML here", e);
        }
    }

    private static boolean walk(Element node, Place place, List<Scan> scans, Set<String> indexes) {
        String type = text(node, "Node-Type");
        if (type.equals("Seq Scan")) scans.add(scan(node, place));
        String index = text(node, "Index-Name");
        if (!index.isEmpty()) indexes.add(index);
        boolean pruned = number(node, "Subplans-Removed") > 0;
        Element plans = child(node, "Plans");
        if (plans == null) return pruned;
        Place below = below(type, node, place);
        for (Element each : children(plans, "Plan")) {
            String relation = text(each, "Parent-Relationship");
            boolean again = relation.equals("SubPlan") || (relation.equals("Inner") && type.equals("Nested Loop"));
            Place start = text(each, "Subplan-Name").isEmpty() ? below : Place.TOP;
            boolean repeated = place.repeated() || again;
            pruned |= walk(
                    each, new Place(start.processes(), start.limited(), start.sortKey(), repeated), scans, indexes);
        }
        return pruned;
    }

    private static Scan scan(Element node, Place place) {
        // Rows of a scan that workers share are those of one of them.
        double share = text(node, "Parallel-Aware").equals("true") ? place.processes() : 1;
        return new Scan(
                text(node, "Schema"),
                text(node, "Relation-Name"),
                text(node, "Alias"),
                text(node, "Filter"),
                number(node, "Plan-Rows") * share,
                number(node, "Total-Cost"),
                place.sortKey(),
                place.repeated());
    }

    private static Place below(String type, Element node, Place place) {
        return switch (type) {
            case "Limit" -> new Place(place.processes(), true, null, place.repeated());
            case "Sort", "Incremental Sort" ->
                new Place(place.processes(), false, place.limited() ? firstKey(node) : null, place.repeated());
            case "Gather", "Gather Merge" ->
                new Place(
                        processes(number(node, "Workers-Planned")), place.limited(), place.sortKey(), place.repeated());
            case "Append", "Merge Append", "LockRows", "Result" -> place;
            default -> new Place(place.processes(), false, null, place.repeated());
        };
    }

    /** The leader helps, the less the more workers it serves: get_parallel_divisor() in PostgreSQL's costsize.c. */
    private static double processes(double workers) {
        return workers + Math.max(0, 1 - 0.3 * workers);
    }

    private static @Nullable String firstKey(Element sort) {
        Element keys = child(sort, "Sort-Key");
        Element first = keys == null ? null : child(keys, "Item");
        return first == null ? null : first.getTextContent();
    }

    // ---- XML --------------------------------------------------------------------------------------------------------

    private static List<Element> children(Element parent, String name) {
        List<Element> children = new ArrayList<>();
        for (Node each = parent.getFirstChild(); each != null; each = each.getNextSibling()) {
            if (each instanceof Element element && element.getTagName().equals(name)) children.add(element);
        }
        return children;
    }

    private static @Nullable Element child(Element parent, String name) {
        List<Element> children = children(parent, name);
        return children.isEmpty() ? null : children.get(0);
    }

    private static String text(Element parent, String name) {
        Element child = child(parent, name);
        return child == null ? "" : child.getTextContent();
    }

    private static double number(Element parent, String name) {
        String text = text(parent, name);
        return text.isEmpty() ? 0 : Double.parseDouble(text);
    }
}
