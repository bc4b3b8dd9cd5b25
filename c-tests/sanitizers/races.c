/* Linked with each program that ThreadSanitizer instruments: its options, because the harness clears the environment. */
const char *__tsan_default_options(void);

const char *
__tsan_default_options(void)
{
	return "exitcode=66:history_size=4";
}
