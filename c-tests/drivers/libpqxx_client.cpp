// libpqxx: parameters, prepared statements, streams, cursors, errors, notifications, large objects, pipelines.
#include <iostream>
#include <pqxx/pqxx>
#include <tuple>

namespace {

class Listener : public pqxx::notification_receiver {
  public:
    explicit Listener(pqxx::connection &conn) : pqxx::notification_receiver(conn, "channel") {}
    void operator()(std::string const &payload, int) override { std::cout << "notified: " << payload << '\n'; }
};

void queries(pqxx::connection &conn)
{
    pqxx::work tx{conn};
    auto const row = tx.exec_params1("SELECT $1::int, $2::text, NULL, 1.5::float8", 42, "naïve 日本");
    std::cout << row[0].as<int>() << ' ' << row[1].c_str() << ' ' << row[2].is_null() << ' ' << row[3].as<double>() << '\n';
    conn.prepare("p", "SELECT sum(i) FROM generate_series(1, $1) i");
    std::cout << tx.exec_prepared1("p", 100)[0].as<int>() << '\n';
    std::cout << tx.quote("it's \\") << ' ' << tx.quote_name("x\"y") << '\n';
    tx.exec("CREATE TEMP TABLE t (a int, b text)");
    pqxx::stream_to to{tx, "t"};
    for (int i = 0; i < 1000; i++) to << std::make_tuple(i, i % 10 ? std::to_string(i) : std::string{"none"});
    to.complete();
    int rows = 0, nones = 0;
    pqxx::stream_from from{tx, "t"};
    for (std::tuple<int, std::string> row; from >> row; rows++) nones += std::get<1>(row) == "none";
    from.complete();
    std::cout << rows << ' ' << nones << '\n';
    pqxx::stateless_cursor<pqxx::cursor_base::read_only, pqxx::cursor_base::owned> cursor{tx, "SELECT a FROM t ORDER BY a", "c", false};
    std::cout << cursor.size() << ' ' << cursor.retrieve(10, 12)[1][0].as<int>() << '\n';
    try {
        pqxx::subtransaction inner{tx};
        inner.exec("SELECT 1/0");
    } catch (pqxx::sql_error const &error) {
        std::cout << error.sqlstate() << ' ' << error.what();
    }
    pqxx::pipeline pipeline{tx};
    auto const first = pipeline.insert("SELECT 'first'"), second = pipeline.insert("SELECT 'second'");
    std::cout << pipeline.retrieve(second)[0][0].c_str() << ' ' << pipeline.retrieve(first)[0][0].c_str() << '\n';
    pipeline.complete();
    tx.exec("NOTIFY channel, 'payload'");
    tx.commit();
}

void large_object(pqxx::connection &conn)
{
    pqxx::work tx{conn};
    pqxx::largeobject const object{tx};
    pqxx::largeobjectaccess access{tx, object};
    access.write(std::string(100000, 'x'));
    access.seek(99990, std::ios::beg);
    char bytes[100];
    std::cout << access.read(bytes, sizeof bytes) << ' ' << access.tell() << '\n';
}

} // namespace

int main()
{
    pqxx::connection conn;
    Listener listener{conn};
    std::cout << conn.username() << ' ' << conn.get_client_encoding() << ' ' << (conn.protocol_version() == 3) << '\n';
    queries(conn);
    std::cout << conn.get_notifs() << '\n';
    large_object(conn);
    conn.set_client_encoding("LATIN1");
    std::cout << conn.get_client_encoding() << '\n';
}
