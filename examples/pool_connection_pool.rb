# The gem connection_pool with ruby-pg: a connection whose server asks to disconnect is closed at check-in, and opened again
# when it is next needed.
#
# It runs each line of its input as a query. The environment variables PGHOST etc. select the server.

require "connection_pool"
require "pg"

# The object in the pool, because connection_pool cannot remove a connection by itself.
class Session
  def connection
    @connection ||= PG.connect
  end

  def check_in
    return unless @connection

    @connection.consume_input
    @connection.is_busy # C libpq parses here what it has received, not before
    close if @connection.parameter_status("disconnect_requested") == "on"
  rescue PG::Error
    close
  end

  def close
    @connection&.close
  ensure
    @connection = nil
  end
end

pool = ConnectionPool.new(size: 4) { Session.new }
with_connection = lambda do |&work|
  pool.with do |session|
    work.call(session.connection)
  ensure
    session.check_in
  end
end

$stdin.each_line do |line|
  with_connection.call do |connection|
    puts "#{connection.exec(line).getvalue(0, 0)} (server process #{connection.backend_pid})"
    $stdout.flush
  end
end
pool.shutdown(&:close)
