/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/config.h"
#include "userspace/config_table.h"
#include "userspace/daemon.h"
#include "userspace/doctor.h"

static int doctor(const struct config *c)
{
	struct proc_config proc = {.proc_root = c->proc_root, .target_env = c->target_env};
	pid_t pid = 0;

	for (uint32_t i = 0; i < c->selector_cnt; i++)
		if (c->selectors[i].kind == SELECT_PID)
			pid = c->selectors[i].pid;
	return doctor_run(&proc, pid, c->uretprobes, stdout);
}

static int check_file(struct config *c)
{
	if (config_file_apply(c, c->file, true))
		return 1;
	printf("%s: fine\n", c->file);
	return 0;
}

int main(int argc, char **argv)
{
	struct config c;
	enum config_result r = config_load(argc, argv, &c);
	int rc = (int)r;

	if (r == CONFIG_EXIT_OK)
		rc = 0;
	if (r != CONFIG_OK)
		goto out;
	if (c.check) {
		rc = check_file(&c);
		goto out;
	}
	switch (c.command) {
	case CMD_RUN:
	case CMD_TRACE:
	case CMD_RECORD:
		rc = daemon_run(&c);
		break;
	case CMD_REPLAY:
		rc = daemon_replay(&c);
		break;
	case CMD_DOCTOR:
		rc = doctor(&c);
		break;
	case CMD_CONFIG:
		config_print(&c, stdout);
		rc = 0;
		break;
	}
out:
	config_done(&c);
	return rc;
}
