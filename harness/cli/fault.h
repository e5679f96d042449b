/* `lastack fault`: rules, counters and the injection log of a node, while its scenario is running or afterwards. */
#ifndef LASTACK_CLI_FAULT_H
#define LASTACK_CLI_FAULT_H

/*
 * ls | arm RULE | disarm N|all | log [--times]. `node` is the node's folder in the report. Prints to stdout; returns
 * an exit status. What is wrong is said in one line on stderr.
 */
int la_fault(const char *node, char *const *words, int count, int times);

#endif
