/**
 * Launch day: one small application under ten times the users, then ten times more; what breaks, and the module that
 * mends it. Read {@link dev.tenfold.demo.LaunchDay}, a stage, then the two feeds.
 */
@NullMarked
package dev.tenfold.demo;

import org.jspecify.annotations.NullMarked;
