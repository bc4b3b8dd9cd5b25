# ruby-pg beside the gem libpq-oxide.
#
#     gem_client.rb version                  which libpq ruby-pg uses
#     gem_client.rb work CONNINFO [preload]  uses ruby-pg, on a server that has pg_goaway
#     gem_client.rb late                     preloads after ruby-pg was loaded
#
# PG_GEM is the version of the gem pg. Without it, Debian's ruby-pg is used.

gem "pg", ENV["PG_GEM"] if ENV["PG_GEM"]

require "io/wait"
require_relative "facts"

TABLE = "SELECT n, 'row ' || n FROM generate_series(1, 1000) n"

def version
  require "pg"
  fact "ruby-pg", PG::VERSION
  fact "version", PG.library_version
end

def work(conninfo, *preload)
  if preload.any?
    require "libpq_oxide/preload"
    # The second call does nothing.
    LibpqOxide.preload
  end
  version
  # The libpq that ruby-pg is linked with is loaded by now, but behind ours.
  LibpqOxide.preload if preload.any?
  blocking(conninfo)
  scheduled(conninfo)
  cancel(conninfo)
  pool(conninfo)
  goaway(conninfo)
end

# `exec` calls libpq's asynchronous functions, `sync_exec` the blocking one.
def blocking(conninfo)
  conn = PG.connect(conninfo)
  fact "blocking", conn.sync_exec(TABLE).values.last
  fact "asynchronous", conn.exec(TABLE).values.last
  conn.exec("SELECT 1/0")
rescue PG::DivisionByZero => e
  fact "error", e.result.error_field(PG::PG_DIAG_SQLSTATE)
ensure
  conn&.finish
end

# Two fibers, each of which waits for the other one's notification. The gem async schedules them.
def scheduled(conninfo)
  require "async"
  listening = 0
  notified = []
  Async do |task|
    %w[here there].permutation.each do |mine, other|
      task.async do
        conn = PG.connect(conninfo)
        conn.exec("LISTEN #{mine}")
        listening += 1
        sleep 0.01 until listening == 2
        conn.exec("NOTIFY #{other}")
        notified << conn.wait_for_notify(20)
        conn.finish
      end
    end
  end
  fact "scheduled", notified.sort
end

def cancel(conninfo)
  conn, other = Array.new(2) { PG.connect(conninfo) }
  conn.send_query("SELECT pg_sleep(60)")
  asleep = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
  nil until other.exec_params(asleep, [conn.backend_pid]).ntuples == 1
  conn.cancel
  conn.get_last_result
rescue PG::QueryCanceled => e
  fact "cancelled", e.result.error_field(PG::PG_DIAG_SQLSTATE)
ensure
  conn&.finish
  other&.finish
end

def pool(conninfo)
  require "connection_pool"
  pool = ConnectionPool.new(size: 2) { PG.connect(conninfo) }
  taken = Queue.new
  both = Array.new(2) do
    Thread.new do
      pool.with do |conn|
        taken << conn
        sleep 0.01 until taken.size == 2
        conn.exec("SELECT 'pooled'").getvalue(0, 0)
      end
    end
  end
  fact "pool", both.map(&:value)
  pool.shutdown(&:finish)
end

def goaway(conninfo)
  conn, other = Array.new(2) { PG.connect(conninfo) }
  before = conn.parameter_status("disconnect_requested")
  other.exec_params("SELECT pg_goaway_backend($1)", [conn.backend_pid])
  wait_readable(conn.socket_io)
  conn.consume_input
  after = conn.parameter_status("disconnect_requested")
  fact "goaway", [before, after, conn.exec("SELECT 'usable'").getvalue(0, 0)]
  conn.finish
  other.finish
end

def late
  require "pg"
  require "libpq_oxide"
  LibpqOxide.preload
rescue LibpqOxide::AlreadyLoaded => e
  puts e.message
end

main
