/**
 * Work that outlives the request, the process and the deployment: a durable queue in the database you have.
 */
@NullMarked
package dev.tenfold.jobs;

import org.jspecify.annotations.NullMarked;
