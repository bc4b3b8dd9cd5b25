# ruby-pg: its blocking calls use libpq's asynchronous functions, and it switches O_NONBLOCK on and off.

require "pg"
require "io/wait"
require_relative "facts"
require_relative "scheduler"

def library
  fact "version", PG.library_version
end

def real(conninfo)
  conn = PG.connect(conninfo)
  queries(conn)
  copy(conn)
  listen(conn)
  row_by_row(conn)
  nonblocking(conn)
  pipeline(conn)
  conn.reset
  fact "after reset", conn.exec("SELECT 1").values
  conn.finish
end

def queries(conn)
  fact "encoding", conn.internal_encoding
  fact "text and NULL", conn.exec("SELECT '#{TEXT}' AS \"#{TEXT}\", NULL AS nothing, '' AS empty").to_a
  fact "parameters", conn.exec_params("SELECT $1::text, $2::int + 1, $3::text", [TEXT, 41, nil]).values
  bytea = { value: BYTES, type: 17, format: 1 }
  binary = conn.exec_params("SELECT $1::bytea, 258::int4", [bytea], 1).values
  fact "binary", binary
  fact "every byte comes back", binary[0][0] == BYTES
  conn.prepare("twice", "SELECT $1::int * 2")
  fact "prepared", conn.exec_prepared("twice", [21]).values
  fact "described", conn.describe_prepared("twice").paramtype(0)
  fact "escaped", [conn.escape_literal("it's"), conn.escape_identifier(TEXT), conn.escape_bytea("\x00\xff".b)]
  conn.exec("SELECT 1/0")
rescue PG::DivisionByZero => e
  fact "division by zero", [e.result.error_field(PG::PG_DIAG_SQLSTATE), e.message]
end

def copy(conn)
  conn.exec("CREATE TEMP TABLE copied (n int, t text)")
  conn.copy_data("COPY copied FROM STDIN", PG::TextEncoder::CopyRow.new) do
    [[1, TEXT], [2, nil], [3, "tab\tinside"]].each { |row| conn.put_copy_data(row) }
  end
  lines = []
  conn.copy_data("COPY copied TO STDOUT") { while (line = conn.get_copy_data) do lines << line end }
  fact "lines", lines
  conn.copy_data("COPY copied FROM STDIN") { conn.put_copy_data("no number\tx\n") }
rescue PG::InvalidTextRepresentation => e
  fact "refused", e.result.error_field(PG::PG_DIAG_SQLSTATE)
end

def listen(conn)
  conn.exec('LISTEN "küche"')
  conn.exec_params("SELECT pg_notify('küche', $1)", [TEXT])
  conn.wait_for_notify(20) do |channel, pid, payload|
    fact "notification", [channel, pid == conn.backend_pid, payload]
  end
  fact "no other", conn.notifies
end

def row_by_row(conn)
  conn.send_query("SELECT n, repeat('x', n) FROM generate_series(1, 3) n")
  conn.set_single_row_mode
  conn.get_result.stream_each { |row| fact "row", row }
  fact "no more", conn.get_result
end

# The asynchronous calls, made directly as in an event loop.
def nonblocking(conn)
  conn.setnonblocking(true)
  fact "nonblocking", conn.isnonblocking
  big = "ä" * (1 << 20)
  conn.send_query_params("SELECT $1 || 'x', length($1)", [big])
  until conn.sync_flush
    conn.socket_io.wait(20, :read_write) or abort "the server does nothing"
    conn.consume_input
  end
  while conn.is_busy
    wait_readable(conn.socket_io)
    conn.consume_input
  end
  value, length = conn.sync_get_result.values[0]
  fact "large value", [value == big + "x", length]
  fact "no more", conn.sync_get_result
ensure
  conn.setnonblocking(false)
end

def pipeline(conn)
  conn.enter_pipeline_mode
  3.times { |n| conn.send_query_params("SELECT $1::int", [n]) }
  conn.send_query_params("SELECT 1/0", [])
  conn.send_query_params("SELECT 'skipped'", [])
  conn.pipeline_sync
  statuses = []
  until (res = conn.get_result)&.result_status == PG::PGRES_PIPELINE_SYNC
    statuses << [res.res_status(res.result_status), res.values] if res
  end
  fact "piped", statuses
  conn.exit_pipeline_mode
  fact "pipeline status", conn.pipeline_status
end

# This version of ruby-pg reads libpq's PGcancel directly and sends the request itself.
def cancel(conninfo)
  conn = PG.connect(conninfo)
  conn.send_query("SELECT pg_sleep(60)")
  wait_asleep(conninfo, conn.backend_pid)
  fact "cancel", conn.cancel
  conn.get_last_result
rescue PG::QueryCanceled => e
  fact "cancelled", e.result.error_field(PG::PG_DIAG_SQLSTATE)
end

def wait_asleep(conninfo, pid)
  other = PG.connect(conninfo)
  sql = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
  nil until other.exec_params(sql, [pid]).ntuples == 1
  other.finish
end

# One fiber waits while another one works: with a scheduler, no call of ruby-pg blocks the thread.
def scheduled(conninfo)
  Fiber.set_scheduler(Scheduler.new)
  ready = false
  Fiber.schedule do
    conn = PG.connect(conninfo)
    conn.exec("LISTEN kitchen")
    ready = true
    conn.wait_for_notify(20) { |channel, _, payload| fact "notification", [channel, payload] }
    conn.finish
  end
  Fiber.schedule do
    conn = PG.connect(conninfo)
    conn.exec("SELECT 1") until ready
    conn.exec_params("SELECT pg_notify('kitchen', $1)", [TEXT])
    big = "ä" * (1 << 20)
    fact "large value", conn.exec_params("SELECT $1", [big]).getvalue(0, 0) == big
    conn.finish
  end
  Fiber.scheduler.run
  fact "waits", Fiber.scheduler.waits > 0
end

# ruby-pg does not expose the pointer, so this reads the parameter.
def goaway(conninfo)
  conn = PG.connect(conninfo)
  fact "at first", requested(conn)
  fact "query", conn.exec("SELECT 1").values
  until requested(conn)
    wait_readable(conn.socket_io)
    conn.consume_input
  end
  fact "then", requested(conn)
  fact "query", conn.exec("SELECT 2").values
  fact "still", requested(conn)
  conn.finish
  conn = PG.connect(conninfo)
  fact "next connection", requested(conn)
  fact "query", conn.exec("SELECT 3").values
  conn.finish
end

def requested(conn)
  conn.parameter_status("disconnect_requested")
end

main
