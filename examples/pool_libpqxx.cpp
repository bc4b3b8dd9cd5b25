/*
 * libpqxx hides the connection and its parameters, but not its notices: with goaway=notice the GoAway is one. A connection
 * is closed at check-in when its server asks for it.
 *
 *     g++ -std=c++17 -o pool_libpqxx pool_libpqxx.cpp -lpqxx
 *
 * It runs each line of its input as a query. The environment variables PGHOST etc. select the server.
 */
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <pqxx/pqxx>

/* Remembers whether the notice has arrived. */
class GoAway : public pqxx::errorhandler
{
public:
	bool		received = false;

	explicit GoAway(pqxx::connection &connection) : pqxx::errorhandler(connection) {}

	bool operator()(const char text[]) noexcept override
	{
		received |= std::string_view(text).find("server requests to disconnect") != std::string_view::npos;
		return true;
	}
};

struct Session
{
	pqxx::connection connection{"goaway=notice"};
	GoAway		goaway{connection};
};

class Pool
{
public:
	std::unique_ptr<Session> check_out()
	{
		if (idle.empty())
			return std::make_unique<Session>();
		auto		session = std::move(idle.back());

		idle.pop_back();
		return session;
	}

	void check_in(std::unique_ptr<Session> session)
	{
		session->connection.get_notifs();	/* reads what the server has sent */
		if (!session->goaway.received)
			idle.push_back(std::move(session));
	}

private:
	std::vector<std::unique_ptr<Session>> idle;
};

int
main()
{
	Pool		pool;

	for (std::string line; std::getline(std::cin, line);)
	{
		auto		session = pool.check_out();

		std::cout << pqxx::nontransaction(session->connection).exec(line)[0][0].c_str()
				  << " (server process " << session->connection.backendpid() << ")" << std::endl;
		pool.check_in(std::move(session));
	}
}
