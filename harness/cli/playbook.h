/* lastack playbook, lastack drill. */
#ifndef LASTACK_CLI_PLAYBOOK_H
#define LASTACK_CLI_PLAYBOOK_H

/* argv[0] is what argp calls the program. An exit status. */
int la_cli_playbook(int argc, char **argv);
int la_cli_drill(int argc, char **argv);

#endif
