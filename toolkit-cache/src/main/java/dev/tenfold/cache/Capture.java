package dev.tenfold.cache;

/**
 * What a load notes before it reads anything, and what must still hold when its result is stored.
 *
 * @param generation of the key's stripe: moved by each invalidation
 * @param asOf number of the last invalidation that is known to have happened before
 */
record Capture(Shard shard, Era era, long generation, long asOf) {}
