# soak_client.rb CONNINFO NAME: as soak_client.c, with ruby-pg.

require "pg"
require "io/wait"

INSERT = "INSERT INTO soak VALUES ($1, $2::int)"

def insert(conn, name, number)
  case number % 4
  when 1
    conn.copy_data("COPY soak (client, number) FROM STDIN") { conn.put_copy_data("#{name}\t#{number}\n") }
  when 2
    conn.transaction { conn.exec_params(INSERT, [name, number]) }
  else
    conn.exec_params(INSERT, [name, number])
  end
end

# After an error, a server aborts the transaction. It can send FATAL after the commit.
def failed?(error)
  error.result&.error_field(PG::PG_DIAG_SEVERITY_NONLOCALIZED) == "ERROR"
end

class Client
  attr_reader :number, :times

  def initialize(conninfo, name)
    @conninfo, @name = conninfo, name
    @conn, @number, @left, @times = nil, 0, 0, []
  end

  def drop
    @conn.finish
    @conn = nil
  end

  # Inserts a row. Returns whether it is committed.
  def row
    begin
      @conn ||= PG.connect(@conninfo)
    rescue PG::Error
      return false
    end
    @number += 1
    begin
      insert(@conn, @name, @number)
      true
    rescue PG::Error => error
      failed = failed?(error)
      puts "#{failed ? "failed" : "unknown"} #{@number}"
      # A lost connection is not idle, nor one whose ROLLBACK was cancelled.
      drop unless failed && @conn.transaction_status == PG::PQTRANS_IDLE
      false
    end
  end

  def leave_if_asked
    return unless @conn
    @conn.consume_input
    return unless @conn.parameter_status("disconnect_requested") == "on"
    @left += 1
    drop
  rescue PG::Error
    drop
  end

  def tick
    sorted = @times.empty? ? [0.0] : @times.sort
    puts format("tick %d %.6f %.6f %d", @times.size, sorted[sorted.size / 2], sorted[-1], @left)
    $stdout.flush
    @times, @left = [], 0
  end
end

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

client = Client.new(*ARGV)
start = tick = now
until $stdin.wait_readable(0)
  committed = client.row
  client.times << now - start if committed
  client.leave_if_asked
  sleep 0.02
  start = now if committed
  if now - tick >= 1
    tick = now
    client.tick
  end
end
puts "last #{client.number}"
