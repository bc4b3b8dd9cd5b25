// Qt's QPSQL driver: bound values, errors, metadata, notifications.
#include <QtCore/QCoreApplication>
#include <QtCore/QVariant>
#include <QtSql/QSqlDatabase>
#include <QtSql/QSqlDriver>
#include <QtSql/QSqlError>
#include <QtSql/QSqlField>
#include <QtSql/QSqlIndex>
#include <QtSql/QSqlQuery>
#include <QtSql/QSqlRecord>
#include <cstdio>

static void say(const QString &text) { std::printf("%s\n", text.toUtf8().constData()); }

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    QSqlDatabase db = QSqlDatabase::addDatabase("QPSQL");
    if (!db.open()) {
        say(db.lastError().text());
        return 1;
    }
    QSqlQuery query;
    query.prepare("SELECT ?::int AS n, ?::text AS t, NULL AS u, '\\x00ff'::bytea AS b");
    query.addBindValue(42);
    query.addBindValue(QString::fromUtf8("naïve 日本"));
    query.exec();
    query.next();
    say(query.value(0).toString() + " " + query.value("t").toString() + " " + QString::number(query.isNull(2)) + " " + query.value(3).toByteArray().toHex());
    query.exec("CREATE TEMP TABLE t (a serial PRIMARY KEY, b text)");
    db.transaction();
    query.prepare("INSERT INTO t (b) VALUES (:b)");
    for (int i = 0; i < 10; i++) {
        query.bindValue(":b", QString::number(i));
        query.exec();
    }
    say(QString::number(query.numRowsAffected()) + " " + query.lastInsertId().toString());
    db.commit();
    say(QString::number(db.record("t").count()) + " " + db.record("t").fieldName(1) + " " + db.primaryIndex("t").fieldName(0));
    query.setForwardOnly(true);
    query.exec("SELECT a FROM t ORDER BY a DESC");
    QString all;
    while (query.next()) all += query.value(0).toString() + ",";
    say(all);
    if (!query.exec("SELECT 1/0")) say(query.lastError().nativeErrorCode() + " " + query.lastError().databaseText());
    db.driver()->subscribeToNotification("channel");
    QObject::connect(db.driver(), QOverload<const QString &, QSqlDriver::NotificationSource, const QVariant &>::of(&QSqlDriver::notification),
        [&](const QString &name, QSqlDriver::NotificationSource source, const QVariant &payload) {
            say(name + " " + payload.toString() + " " + QString::number(source == QSqlDriver::SelfSource));
            application.quit();
        });
    query.exec("NOTIFY channel, 'payload'");
    return application.exec();
}
