package dev.tenfold.auth;

/**
 * What {@link Sessions} did in this process since they were made. What failed in an outage counts nowhere.
 *
 * @param created sessions
 * @param found lookups that found one
 * @param missed lookups that found none, also of what cannot be an id
 * @param touches lookups that let a session live on; the others wrote nothing
 * @param rotated ids that were replaced
 * @param ended sessions that were ended, also by {@link WhenFull#END_OLDEST}; not those that expired
 * @param refused log-ins that {@link WhenFull#REFUSE} refused
 */
public record SessionsStats(
        long created, long found, long missed, long touches, long rotated, long ended, long refused) {}
