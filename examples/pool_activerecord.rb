# ActiveRecord: a connection whose server asks to disconnect is closed at check-in. A Rails application puts the callback into
# an initializer.
#
# It runs each line of its input as a query. The environment variables PGHOST etc. select the server.

require "active_record"

ActiveSupport.on_load(:active_record) do
  require "active_record/connection_adapters/postgresql_adapter"
  ActiveRecord::ConnectionAdapters::PostgreSQLAdapter.set_callback(:checkin, :after) do
    raw_connection.consume_input
    raw_connection.is_busy # C libpq parses here what it has received, not before
    disconnect! if raw_connection.parameter_status("disconnect_requested") == "on"
  rescue PG::Error
    disconnect!
  end
end

ActiveRecord::Base.establish_connection(adapter: "postgresql", pool: 4)
$stdin.each_line do |line|
  ActiveRecord::Base.connection_pool.with_connection do |connection|
    puts "#{connection.select_value(line)} (server process #{connection.raw_connection.backend_pid})"
    $stdout.flush
  end
end
