# libpq through Fiddle, Ruby's foreign-function interface, without a driver.

require "fiddle/import"
require "io/wait"
require_relative "facts"

module PQ
  extend Fiddle::Importer
  dlload "libpq.so.5"
  extern "void *PQconnectdb(char *)"
  extern "int PQstatus(void *)"
  extern "char *PQerrorMessage(void *)"
  extern "void PQfinish(void *)"
  extern "int PQsocket(void *)"
  extern "char *PQparameterStatus(void *, char *)"
  extern "void *PQexec(void *, char *)"
  extern "void *PQexecParams(void *, char *, int, void *, void *, void *, void *, int)"
  extern "int PQresultStatus(void *)"
  extern "char *PQresultErrorField(void *, int)"
  extern "int PQntuples(void *)"
  extern "int PQnfields(void *)"
  extern "char *PQfname(void *, int)"
  extern "int PQgetisnull(void *, int, int)"
  extern "int PQgetlength(void *, int, int)"
  extern "void *PQgetvalue(void *, int, int)"
  extern "char *PQcmdTuples(void *)"
  extern "void PQclear(void *)"
  extern "int PQputCopyData(void *, void *, int)"
  extern "int PQputCopyEnd(void *, void *)"
  extern "int PQgetCopyData(void *, void *, int)"
  extern "void *PQgetResult(void *)"
  extern "int PQconsumeInput(void *)"
  extern "void *PQnotifies(void *)"
  extern "void PQfreemem(void *)"

  Notify = struct(["char *relname", "int be_pid", "char *extra"])
end

CONNECTION_OK, COMMAND_OK, TUPLES_OK, COPY_OUT, COPY_IN = 0, 1, 2, 3, 4
BYTEA = 17

def text(pointer)
  pointer.null? ? nil : pointer.to_s.force_encoding("UTF-8")
end

def connect(conninfo)
  conn = PQ.PQconnectdb(conninfo)
  abort text(PQ.PQerrorMessage(conn)) unless PQ.PQstatus(conn) == CONNECTION_OK
  conn
end

def check(conn, res, status)
  got = PQ.PQresultStatus(res)
  abort "result #{got}: #{text(PQ.PQerrorMessage(conn))}" unless got == status
  res
end

# Returns names and values; a value is bytes, and NULL is nil. Frees the result.
def rows(res)
  width = (0...PQ.PQnfields(res)).to_a
  names = width.map { |column| text(PQ.PQfname(res, column)) }
  values = (0...PQ.PQntuples(res)).map { |row| width.map { |column| value(res, row, column) } }
  PQ.PQclear(res)
  [names, values]
end

def value(res, row, column)
  return nil if PQ.PQgetisnull(res, row, column) == 1
  PQ.PQgetvalue(res, row, column).to_s(PQ.PQgetlength(res, row, column))
end

def query(conn, sql)
  rows(check(conn, PQ.PQexec(conn, sql), TUPLES_OK))
end

def command(conn, sql)
  PQ.PQclear(check(conn, PQ.PQexec(conn, sql), COMMAND_OK))
end

def query_params(conn, sql, params, types: nil, formats: nil, result_format: 0)
  held = params.map { |param| param && Fiddle::Pointer[param] }
  values = held.map { |pointer| pointer.to_i }.pack("J*")
  lengths = params.map { |param| param.to_s.bytesize }.pack("i*")
  res = PQ.PQexecParams(conn, sql, params.size, types&.pack("I*"), values, lengths, formats&.pack("i*"), result_format)
  rows(check(conn, res, TUPLES_OK))
end

def real(conninfo)
  conn = connect(conninfo)
  fact "server encoding", text(PQ.PQparameterStatus(conn, "server_encoding"))
  fact "text and NULL", query(conn, "SELECT '#{TEXT}' AS \"#{TEXT}\", NULL AS nothing, '' AS empty")
  fact "parameters", query_params(conn, "SELECT $1::text, $2::int4 + 1, $3::text", [TEXT, "41", nil])
  binary = query_params(conn, "SELECT $1::bytea, 258::int4", [BYTES], types: [BYTEA], formats: [1], result_format: 1)
  fact "binary", binary
  fact "every byte comes back", binary[1][0][0].b == BYTES
  res = PQ.PQexec(conn, "SELECT 1/0")
  fact "division by zero", text(PQ.PQresultErrorField(res, "C".ord))
  PQ.PQclear(res)
  copy(conn)
  listen(conn)
  PQ.PQfinish(conn)
end

def copy(conn)
  command(conn, "CREATE TEMP TABLE copied (n int, t text)")
  PQ.PQclear(check(conn, PQ.PQexec(conn, "COPY copied FROM STDIN"), COPY_IN))
  ["1\t#{TEXT}\n", "2\t\\N\n"].each { |line| fact "put", PQ.PQputCopyData(conn, line, line.bytesize) }
  fact "put end", PQ.PQputCopyEnd(conn, nil)
  end_of_copy(conn)

  PQ.PQclear(check(conn, PQ.PQexec(conn, "COPY copied TO STDOUT"), COPY_OUT))
  buffer = Fiddle::Pointer.malloc(Fiddle::SIZEOF_VOIDP, Fiddle::RUBY_FREE)
  while (length = PQ.PQgetCopyData(conn, buffer, 0)) > 0
    fact "line", buffer.ptr.to_s(length)
    PQ.PQfreemem(buffer.ptr)
  end
  fact "end of data", length
  end_of_copy(conn)
end

def end_of_copy(conn)
  res = check(conn, PQ.PQgetResult(conn), COMMAND_OK)
  fact "copied", text(PQ.PQcmdTuples(res))
  PQ.PQclear(res)
  fact "no more", PQ.PQgetResult(conn).null?
end

def listen(conn)
  command(conn, 'LISTEN "küche"')
  command(conn, "NOTIFY \"küche\", '#{TEXT}'")
  consume(conn) while (pointer = PQ.PQnotifies(conn)).null?
  notify = PQ::Notify.new(pointer)
  fact "notification", [text(notify.relname), text(notify.extra)]
  PQ.PQfreemem(pointer)
  fact "no other", PQ.PQnotifies(conn).null?
end

def consume(conn)
  wait_readable(IO.for_fd(PQ.PQsocket(conn), autoclose: false))
  PQ.PQconsumeInput(conn)
end

def goaway(conninfo)
  PQ.extern "int PQgoAwayReceived(void *)"
  fact "of NULL", PQ.PQgoAwayReceived(nil)
  conn = connect(conninfo)
  fact "at first", both(conn)
  fact "query", query(conn, "SELECT 1")
  consume(conn) until PQ.PQgoAwayReceived(conn) == 1
  fact "then", both(conn)
  fact "query", query(conn, "SELECT 2")
  fact "still", both(conn)
  PQ.PQfinish(conn)
  conn = connect(conninfo)
  fact "next connection", both(conn)
  fact "query", query(conn, "SELECT 3")
  PQ.PQfinish(conn)
end

# Checks both the function and the parameter.
def both(conn)
  [PQ.PQgoAwayReceived(conn), text(PQ.PQparameterStatus(conn, "disconnect_requested"))]
end

main
