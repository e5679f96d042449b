/* lastack report, and what it asks of us. */
#ifndef LASTACK_CLI_REPORT_H
#define LASTACK_CLI_REPORT_H

/* Becomes the program in python3 that writes reports. */
int la_cli_report(int argc, char **argv);

/* `lastack merge REPORT...`: the result of several shards, as JSON. */
int la_cli_merge(int argc, char **argv);

#endif
