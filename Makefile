# make             the release build: libpq.so (and libpq.so.5), libpq.a
# make proxy       goaway-proxy
# make install     what make and make proxy built, to PREFIX (/usr/local) below DESTDIR (nowhere); then run ldconfig. With
#                  WITH_PG_CONFIG=1 a pg_config too
# make wheel       the Python package libpq-oxide, with the library in it, to dist
# make deb         Debian packages, to dist: docs/install.md has what they are
# make docs        the documentation as a book, to dist/docs
# make aarch64     the library for aarch64, cross-compiled, to dist; needs rustup
# make check-aarch64 the C programs on that library, in an emulator; not part of make test
# make gem         the Ruby package libpq-oxide, with the library in it, to dist
# make dist        the source archive, with the sources of all dependencies, to dist
# make sbom        lists of the crates in the library and in goaway-proxy (CycloneDX), to dist
# make uninstall   removes what make install wrote; use the same variables
# make test        everything, from nothing: packages, oracle, build, style, unit tests, tests against C libpq
# make demo        psql on this library, and a server stopped under load; needs nothing installed
# make drain-report the demonstrations of GoAway at full length, their figures and plots to docs; takes a quarter of an hour
# make conformance PostgreSQL's own test suites on this library; with ALL=1 the long ones too
# make bench       client CPU, memory, system calls and instructions against C libpq 18, as docs/benchmarks.md has them
# make proxy-bench CPU time and speed of goaway-proxy, PgBouncer and a direct connection
# make extension-bench the cost of pg_goaway: a server with it and one without it
# make check-deb   installs, uses and purges the packages of make deb in a throw-away Debian 12; as root
# make valgrind    the C programs under valgrind, then with memory that malloc fills; takes long, not part of make test
# make torture     hostile servers, forged certificates, faults and bad networks, for MINUTES (10); LONG=1 an hour; SHORT=1 the same cases each time; SEED, ONLY and CASE repeat
# make soak        load for MINUTES (60) on a server that is killed, restarted and stopped, and a plot of it to dist; SEED repeats
# make check-sanitizers the C programs with AddressSanitizer, leaks and undefined behaviour included; takes long, not part of make test
# make check-races the threaded C programs with ThreadSanitizer in library and program; needs nightly with rust-src, takes long, not part of make test
# make fuzz        each fuzz target for SECONDS (60), or those in FUZZ; with nightly and cargo-fuzz if they are installed
# make check-style formatting and lints
# make check-features the library without its optional features, and with each alone: lints only
# make check-dependencies licences and sources of the dependencies, if cargo-deny is installed
# make check-dist  builds what make dist packed, without a network
# make check-reproducible builds the library and goaway-proxy twice, in two folders, and compares the bytes; takes 15 minutes
# make check-abi   abidiff: no symbol of Debian's libpq5 may be missing
# make clean       forgets the build, not the oracle: c-tests/lib/cache.sh says where that is

CARGO ?= cargo
target := $(or $(CARGO_TARGET_DIR),target)

PREFIX ?= /usr/local
bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
# As PostgreSQL places its internal headers: in /usr/include/postgresql/internal whether includedir is that or /usr/include.
pkgincludedir ?= $(if $(findstring postgres,$(includedir))$(findstring pgsql,$(includedir)),$(includedir),$(includedir)/postgresql)
pkgconfigdir ?= $(libdir)/pkgconfig
mandir ?= $(PREFIX)/share/man
docdir ?= $(PREFIX)/share/doc
INSTALL ?= install
headers := libpq-fe.h libpq-events.h postgres_ext.h pg_config.h
soname := libpq.so.5
# The number is that of the API, libpq 19.
library := $(soname).19
# Fills in the templates that make install writes.
fill = sed $(foreach name,bindir docdir includedir libdir mandir pkgincludedir,-e 's,@$(name)@,$($(name)),') \
    -e 's,@prefix@,$(PREFIX),' -e 's,@libs@,$(static_libs),' -e 's,@version@,$(version),'
static_libs = $(shell sed -n 's/^Libs.private: //p' libpq.pc.in)
version = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
pg_config = $(DESTDIR)$(bindir)/pg_config
# Whether the installed pg_config is the one of make install.
pg_config_is_ours = grep -qs libpq-oxide $(pg_config)
# docs/install.md lists what make install writes; make uninstall removes it.
installed_files = $(addprefix $(libdir)/,$(library) libpq.a) $(pkgconfigdir)/libpq.pc \
    $(addprefix $(includedir)/,$(headers) libpq/libpq-fs.h) $(pkgincludedir)/internal/pqexpbuffer.h \
    $(bindir)/goaway-proxy $(mandir)/man1/goaway-proxy.1 $(docdir)/goaway-proxy/goaway-proxy.service
# Removed if nothing else is in them.
installed_directories = $(includedir)/libpq $(pkgincludedir)/internal $(pkgincludedir) $(docdir)/goaway-proxy $(docdir) $(pkgconfigdir) $(mandir)/man1

.PHONY: all cargo-version proxy wheel gem dist sbom check-dist check-reproducible check-abi deb check-deb docs aarch64 check-aarch64 install uninstall test conformance valgrind bench demo drain-report proxy-bench extension-bench check-style check-features check-dependencies check-unit check-c check-ordinary-user setup oracle torture soak check-sanitizers check-races fuzz clean

# The paths of this machine stay out of what is built, so that the bytes do not depend on the folder. Panic messages name the sources of
# dependencies as they are in the source archive: vendor/NAME-VERSION/... The last flag that matches a path counts.
registry := $(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src
remapped := $(CURDIR)=. $(CURDIR)/vendor=vendor $(abspath $(target))=./target $(registry)=vendor $(registry)/index.crates.io-1949cf8c6b5b557f=vendor
release_flags := RUSTFLAGS="$(strip $(RUSTFLAGS) $(addprefix --remap-path-prefix=,$(remapped)))"

# Says what is needed when cargo is too old for this source.
cargo-version:
	@c-tests/lib/cargo_version.sh $(CARGO)

# A crate type of rlib beside these would cost the link-time optimization.
all: cargo-version
	$(release_flags) $(CARGO) rustc --locked --release --lib --crate-type cdylib,staticlib
	ln -sf libpq.so $(target)/release/libpq.so.5
	./static_library.sh $(target)/release/libpq.a $(target)/release/static/libpq.a

proxy: cargo-version
	$(release_flags) $(CARGO) build --locked --release -p goaway-proxy

# Runs the set-up if one of the programs is missing.
set_up = @for program in $(2); do command -v $$program >/dev/null || { c-tests/setup.sh $(1) || exit 1; break; }; done

# docs/install.md has what it is for.
wheel: all
	/usr/bin/python3 -B python/build_wheel.py --library $(target)/release/libpq.so --output dist

deb: cargo-version
	c-tests/setup.sh deb
	packaging/debian/build.sh

check-deb:
	c-tests/debian/check.sh

# Compiles mdBook the first time.
docs: cargo-version
	docs/book/build.sh

# The linker and the C compiler are Debian's, so that the library runs with the glibc of Debian 12.
aarch64 := aarch64-unknown-linux-gnu
aarch64_tools := aarch64-linux-gnu-
aarch64: cargo-version
	c-tests/setup.sh aarch64
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$(aarch64_tools)gcc CC_aarch64_unknown_linux_gnu=$(aarch64_tools)gcc \
	    $(CARGO) rustc --locked --release --target $(aarch64) --lib --crate-type cdylib,staticlib
	LD=$(aarch64_tools)ld OBJCOPY=$(aarch64_tools)objcopy AR=$(aarch64_tools)ar \
	    ./static_library.sh $(target)/$(aarch64)/release/libpq.a dist/$(aarch64)/libpq.a
	$(INSTALL) -m 755 $(target)/$(aarch64)/release/libpq.so dist/$(aarch64)/libpq.so.5

# Modules of C programs, without the tests that need other programs or libraries of the emulated processor, seccomp, which qemu
# does not emulate, or limits, which qemu meets first.
check-aarch64: aarch64 oracle
	LIBPQ_OXIDE_LIB=$(abspath dist/$(aarch64)) LIBPQ_OXIDE_EMULATOR="qemu-aarch64-static -L /usr/aarch64-linux-gnu" \
	    LIBPQ_OXIDE_EMULATED_CC=$(aarch64_tools)gcc $(CARGO) test --locked --workspace --test c_tests -- $(emulated_programs)
emulated_programs := api:: null:: programs:: goaway:: tls:: --skip proxy:: --skip psql --skip gssapi --skip without_sizes --skip forbidden_getrandom --skip limit_hides

gem: all
	$(call set_up,gem,gem ruby readelf)
	ruby ruby/build_gem.rb --library $(target)/release/libpq.so --output dist

# Packs what is committed.
dist: cargo-version
	$(call set_up,dist,git tar xz)
	packaging/dist.sh dist

# Lists what is committed, too.
sbom: cargo-version
	c-tests/setup.sh sbom
	packaging/sbom.sh dist

check-dist: dist
	packaging/check_dist.sh dist/libpq-oxide-$(version).tar.xz

check-reproducible: dist
	packaging/check_reproducible.sh dist/libpq-oxide-$(version).tar.xz

# Fails for names that the recipes and pkg-config cannot handle.
directories = $(DESTDIR)$(PREFIX)$(bindir)$(libdir)$(includedir)$(pkgincludedir)$(pkgconfigdir)$(mandir)$(docdir)
check_names = $(if $(filter-out 1,$(words x$(directories)))$(findstring &,$(directories)),\
    $(error DESTDIR, PREFIX and the other directories must not have spaces or & in their names))

# Never builds: it may run as another user than make did.
install:
	$(check_names)
	@link=$(DESTDIR)$(libdir)/$(soname); if [ -e $$link ] && [ "$$(readlink $$link)" != $(library) ]; then \
	    echo "$$link belongs to another libpq: choose another PREFIX, or remove that libpq first" >&2; exit 1; \
	fi
	@test -e $(target)/release/libpq.so -a -e $(target)/release/static/libpq.a || \
	    { echo "nothing to install: run make first" >&2; exit 1; }
	@if [ -n "$(WITH_PG_CONFIG)" -a -e $(pg_config) ] && ! $(pg_config_is_ours); then \
	    echo "$(pg_config) is not libpq-oxide's: set another bindir" >&2; exit 1; \
	fi
	$(INSTALL) -d $(addprefix $(DESTDIR),$(libdir) $(pkgconfigdir) $(includedir)/libpq $(pkgincludedir)/internal)
	$(INSTALL) -m 755 $(target)/release/libpq.so $(DESTDIR)$(libdir)/$(library)
	ln -sf $(library) $(DESTDIR)$(libdir)/$(soname)
	ln -sf $(soname) $(DESTDIR)$(libdir)/libpq.so
	$(INSTALL) -m 644 $(target)/release/static/libpq.a $(DESTDIR)$(libdir)/libpq.a
	$(INSTALL) -m 644 $(addprefix include/,$(headers)) $(DESTDIR)$(includedir)
	$(INSTALL) -m 644 include/libpq/libpq-fs.h $(DESTDIR)$(includedir)/libpq
	$(INSTALL) -m 644 include/pqexpbuffer.h $(DESTDIR)$(pkgincludedir)/internal
	if [ -e $(target)/release/goaway-proxy ]; then \
	    $(INSTALL) -d $(addprefix $(DESTDIR),$(bindir) $(mandir)/man1 $(docdir)/goaway-proxy); \
	    $(INSTALL) -m 755 $(target)/release/goaway-proxy $(DESTDIR)$(bindir); \
	    $(INSTALL) -m 644 docs/goaway-proxy.1 $(DESTDIR)$(mandir)/man1; \
	    $(fill) docs/goaway-proxy.service >$(DESTDIR)$(docdir)/goaway-proxy/goaway-proxy.service; \
	    chmod 644 $(DESTDIR)$(docdir)/goaway-proxy/goaway-proxy.service; \
	fi
	$(fill) libpq.pc.in >$(DESTDIR)$(pkgconfigdir)/libpq.pc
	chmod 644 $(DESTDIR)$(pkgconfigdir)/libpq.pc
	if [ -n "$(WITH_PG_CONFIG)" ]; then \
	    $(INSTALL) -d $(DESTDIR)$(bindir); \
	    $(fill) pg_config.in >$(pg_config); \
	    chmod 755 $(pg_config); \
	fi
	@if [ -z "$(DESTDIR)" ]; then echo "Run ldconfig as root, so that programs find the library: see docs/install.md."; fi

# Use the same variables as for make install. Links that point to another library are kept, and a pg_config that is not ours.
uninstall:
	$(check_names)
	for link in $(soname):$(library) libpq.so:$(soname); do \
	    path=$(DESTDIR)$(libdir)/$${link%:*}; \
	    if [ "$$(readlink $$path)" = "$${link#*:}" ]; then rm -f $$path; fi; \
	done
	rm -f $(addprefix $(DESTDIR),$(installed_files))
	if $(pg_config_is_ours); then rm -f $(pg_config); fi
	for directory in $(addprefix $(DESTDIR),$(installed_directories)); do \
	    if [ -d $$directory ]; then rmdir --ignore-fail-on-non-empty $$directory; fi; \
	done

test:
	c-tests/all.sh

setup:
	c-tests/setup.sh

oracle: setup
	c-tests/oracle/build.sh
	c-tests/oracle/assertions.sh

check-style:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

# The library without its optional features, and with each alone.
check-features:
	@for features in "" libpq-oxide/gss libpq-oxide/ldap libpq-oxide/oauth; do \
	    echo "features: $$features"; \
	    $(CARGO) clippy --quiet --locked --workspace --lib --profile test --no-default-features --features "$$features" -- -D warnings || exit 1; \
	done

# Without the advisories: hosted CI fetches their database.
check-dependencies:
	@if command -v cargo-deny >/dev/null; then \
	    $(CARGO) deny --locked check licenses bans sources; \
	else \
	    echo "cargo-deny is not installed: licences and sources of the dependencies are checked in hosted CI only"; \
	fi

check-unit:
	$(CARGO) test --locked --workspace --lib --bins

check-c: all oracle
	$(CARGO) test --locked --workspace --test headers --test c_tests --test bench

# A part of the harness as a user that is no role of the servers; make check-c runs all of it as you.
check-ordinary-user: all oracle
	c-tests/ordinary_user.sh "$$($(CARGO) test --locked --workspace --test c_tests --no-run --message-format=json | \
	    sed -n 's/.*"executable":"\([^"]*\/c_tests-[^"]*\)".*/\1/p')"

conformance: all oracle
	c-tests/conformance/run.sh $(if $(ALL),--all)

# Words for it, as in make bench BENCH="rounds=5 only=narrow,wide debian15": see docs/benchmarks.md.
BENCH ?=
bench: all oracle
	$(CARGO) test --locked --workspace --test bench -- report $(BENCH)

# The library itself is not optimized: otherwise the compiler tests the two halves of an Option in any order, which valgrind
# reports as an uninitialized read. passwords::wiped reads all memory of its process, which valgrind reports, too.
valgrind: oracle
	$(CARGO) rustc --locked -p libpq-oxide --lib --profile valgrind --crate-type cdylib
	ln -sf libpq.so $(target)/valgrind/libpq.so.5
	LIBPQ_OXIDE_VALGRIND=1 $(memory_test) -- $(c_programs) --skip passwords::wiped
	MALLOC_PERTURB_=165 $(memory_test) -- $(c_programs)

memory_test = LIBPQ_OXIDE_LIB=$(abspath $(target))/valgrind $(CARGO) test --locked --workspace --profile valgrind --test c_tests

# The test modules that run C programs.
c_programs := api:: null:: programs:: result_memory::results result_memory::values large_objects:: passwords:: directories:: cancel_connections:: goaway:: hostile:: lost:: oauth:: gss:: tls:: memcheck

# docs/reliability.md has what it does. A failure prints the SEED, ONLY and CASE that repeat it.
torture: MINUTES ?= $(if $(LONG),60,10)
torture: all proxy oracle
	/usr/bin/python3 -B c-tests/torture/torture.py $(if $(SHORT),--short,--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) \
	    $(if $(CASE),--case "$(CASE)")

# docs/reliability.md has what it does. SOAK="--programs DIR" runs it on another PostgreSQL than Debian's 15.
SOAK ?=
soak: MINUTES ?= 60
soak:
	c-tests/setup.sh soak
	$(MAKE) all proxy
	@mkdir -p dist
	. c-tests/lib/cache.sh && "$$cache/python/bin/python" -B c-tests/demo/soak.py --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) \
	    --plot dist/soak.svg $(SOAK)

check-sanitizers: all oracle
	c-tests/sanitizers/check.sh

check-races: oracle
	c-tests/sanitizers/races.sh

# What fuzz/README.md tells of: not part of make test, which runs the targets on damaged seeds.
SECONDS ?= 60
fuzz:
	fuzz/run.sh $(SECONDS) $(FUZZ)

check-abi: all
	c-tests/setup.sh abi
	c-tests/check_abi.sh $(target)/release/libpq.so

demo: cargo-version
	@c-tests/demo/run.sh

drain-report:
	c-tests/setup.sh report
	$(MAKE) all proxy
	. c-tests/lib/cache.sh && "$$cache/python/bin/python" -B c-tests/demo/report.py

# Words for it, as in make proxy-bench PROXY_BENCH="--rounds 3": see c-tests/demo/proxy_cost.py.
PROXY_BENCH ?=
proxy-bench:
	c-tests/setup.sh proxy-bench
	$(MAKE) proxy
	/usr/bin/python3 -B c-tests/demo/proxy_cost.py $(PROXY_BENCH)

# Words for it, as in make extension-bench EXTENSION_BENCH="--rounds 30": see c-tests/demo/extension_cost.py.
EXTENSION_BENCH ?=
extension-bench:
	c-tests/setup.sh extension-bench
	/usr/bin/python3 -B c-tests/demo/extension_cost.py $(EXTENSION_BENCH)

clean:
	$(CARGO) clean
