/* Linked with each instrumented program: the options of the sanitizers, because the harness clears the environment. */
#include <stdlib.h>

const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *
__asan_default_options(void)
{
	/* verify_asan_link_order=0: a preloaded library comes before the sanitizer's. */
	return "exitcode=99:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1:verify_asan_link_order=0";
}

/* C libpq's own leaks. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:/postgresql-18/lib/\nleak:libcrypto.so\nleak:libgssapi_krb5.so\n";
}

/* Each allocation of a result is a block of its own, so that the sanitizer knows where it ends. */
__attribute__((constructor))
static void
separate_allocations(void)
{
	setenv("LIBPQ_OXIDE_ARENA", "malloc", 1);
}
