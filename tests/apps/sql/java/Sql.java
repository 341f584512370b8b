// SPDX-License-Identifier: Apache-2.0
// JDBC: Sql pg|mysql|mariadb HOST PORT USER PASSWORD DB STEPS; see ../client.py
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;

public class Sql {
    static final Gson GSON = new Gson();
    static boolean pg;
    static Connection conn;

    interface Does {
        Integer rows() throws Exception;
    }

    static void say(JsonObject step, Integer rows, String code, Integer batch) {
        JsonObject t = step.getAsJsonObject("t").deepCopy();
        if (code != null) {
            t.addProperty("db.response.status_code", code);
        } else if (rows != null && step.get("rows").getAsBoolean()) {
            t.addProperty("db.response.returned_rows", rows);
        }
        if (batch != null) {
            t.addProperty("db.operation.batch.size", batch);
        }
        System.out.println(GSON.toJson(t));
    }

    static String code(SQLException e) {
        return pg ? e.getSQLState() : String.valueOf(e.getErrorCode() == 0 ? 1317 : e.getErrorCode()); // its own timeouts have none
    }

    static void guarded(JsonObject step, Does what) throws Exception {
        try {
            say(step, what.rows(), null, null);
        } catch (SQLException e) {
            say(step, null, code(e), null);
        }
    }

    static int count(ResultSet r) throws SQLException {
        int n = 0;
        while (r.next()) {
            n++;
        }
        r.close();
        return n;
    }

    // all results of a statement
    static Integer results(Statement s, boolean first) throws SQLException {
        Integer rows = null;
        for (boolean set = first; ; set = s.getMoreResults()) {
            if (set) {
                rows = (rows == null ? 0 : rows) + count(s.getResultSet());
            } else if (s.getUpdateCount() == -1) {
                return rows;
            }
        }
    }

    static void set(PreparedStatement p, JsonArray values) throws SQLException {
        int i = 0;
        for (JsonElement v : values) {
            i++;
            if (v.isJsonNull()) {
                p.setString(i, null);
            } else if (v.getAsJsonPrimitive().isNumber()) {
                p.setInt(i, v.getAsInt());
            } else {
                p.setString(i, v.getAsString());
            }
        }
    }

    static void exec(JsonObject step) throws Exception {
        guarded(step, () -> {
            try (Statement s = conn.createStatement()) {
                return results(s, s.execute(step.get("sql").getAsString()));
            }
        });
    }

    static void prepared(JsonObject step) throws Exception {
        try (PreparedStatement p = conn.prepareStatement(step.get("sql").getAsString())) {
            for (JsonElement values : step.getAsJsonArray("sets")) {
                set(p, values.getAsJsonArray());
                guarded(step, () -> results(p, p.execute()));
            }
        }
    }

    static void batch(JsonObject step, String driver) throws Exception {
        String sql = step.get("sql").getAsString();
        int n = step.getAsJsonArray("sets").size();
        try (PreparedStatement p = conn.prepareStatement(sql)) {
            for (JsonElement values : step.getAsJsonArray("sets")) {
                set(p, values.getAsJsonArray());
                p.addBatch();
            }
            p.executeBatch();
        } catch (BatchUpdateException e) {
            throw new IllegalStateException(e);
        }
        if (driver.equals("mariadb") && conn.getMetaData().getDatabaseProductVersion().contains("MariaDB")) {
            say(step, null, null, n);
            return;
        }
        for (int i = 0; i < n; i++) {
            say(step, null, null, null);
        }
    }

    static void large(JsonObject step, String driver) throws Exception {
        int fetch = step.get("fetch").getAsInt();
        if (fetch == 0) {
            exec(step);
            return;
        }
        // pg: a portal, in a transaction; mysql: a cursor (useCursorFetch); mariadb: rows as they come
        conn.setAutoCommit(!pg);
        try (PreparedStatement p = conn.prepareStatement(step.get("sql").getAsString())) {
            p.setFetchSize(fetch);
            guarded(step, () -> count(p.executeQuery()));
        }
        if (pg) {
            conn.commit();
        }
        conn.setAutoCommit(true);
    }

    // PostgreSQL's driver sends the statements of a text one by one
    static void parts(JsonObject step) throws Exception {
        JsonArray parts = step.getAsJsonArray("parts");
        int at = 0;
        try (Statement s = conn.createStatement()) {
            for (boolean set = s.execute(step.get("sql").getAsString()); at < parts.size(); set = s.getMoreResults()) {
                say(part(step, at++, set), set ? count(s.getResultSet()) : null, null, null);
            }
        } catch (SQLException e) {
            // of the second, and the first is not told of either
            say(part(step, 0, false), null, null, null);
            say(part(step, 1, false), null, code(e), null);
        }
    }

    static JsonObject part(JsonObject step, int i, boolean rows) {
        JsonObject t = step.getAsJsonObject("t").deepCopy();
        t.remove("db.operation.batch.size");
        t.remove("db.collection.name");
        step.getAsJsonArray("parts").get(i).getAsJsonObject().entrySet().forEach(e -> t.add(e.getKey(), e.getValue()));
        JsonObject one = new JsonObject();
        one.add("t", t);
        one.addProperty("rows", rows);
        return one;
    }

    static void cancel(JsonObject step) throws Exception {
        ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor();
        try (Statement s = conn.createStatement()) {
            later.schedule(() -> {
                s.cancel();
                return null;
            }, 400, TimeUnit.MILLISECONDS);
            guarded(step, () -> results(s, s.execute(step.get("sql").getAsString())));
        }
        later.shutdown();
        later.awaitTermination(5, TimeUnit.SECONDS);
    }

    static void load(JsonObject step) throws Exception {
        Path file = Files.createTempFile("sql", ".tsv");
        Files.writeString(file, step.get("data").getAsString());
        step.addProperty("sql", step.get("sql").getAsString().replace("{file}", file.toString()));
        exec(step);
        Files.delete(file);
    }

    public static void main(String[] args) throws Exception {
        String driver = args[0];
        pg = driver.equals("pg");
        String zip = System.getenv().getOrDefault("SQL_COMPRESS", "");
        String scheme = pg ? "postgresql" : driver;
        Properties p = new Properties();
        p.put("user", args[3]);
        p.put("password", args[4]);
        if (pg) {
            p.put("sslmode", "disable");
        } else {
            p.put("allowMultiQueries", "true");
            p.put("useServerPrepStmts", "true");
            p.put("allowLocalInfile", "true");
            p.put("allowPublicKeyRetrieval", "true");
            p.put("sslMode", driver.equals("mysql") ? "DISABLED" : "disable");
            if (driver.equals("mysql")) {
                p.put("useCursorFetch", "true");
                p.put("allowLoadLocalInfile", "true");
                p.remove("allowLocalInfile");
            } else {
                p.put("useBulkStmts", "true");
            }
            if (!zip.isEmpty()) {
                p.put("useCompression", "true");
            }
        }
        conn = DriverManager.getConnection("jdbc:" + scheme + "://" + args[1] + ":" + args[2] + "/" + args[5], p);
        for (String line : Files.readAllLines(Path.of(args[6]))) {
            JsonObject step = GSON.fromJson(line, JsonObject.class);
            String sql = step.get("sql").getAsString();
            switch (step.get("op").getAsString()) {
                case "multi" -> {
                    if (pg) {
                        parts(step);
                    } else {
                        exec(step);
                    }
                }
                case "exec" -> exec(step);
                case "prepared" -> prepared(step);
                case "batch" -> batch(step, driver);
                case "large" -> large(step, driver);
                case "cancel" -> cancel(step);
                case "load" -> load(step);
                case "copy_in" -> guarded(step, () -> {
                    conn.unwrap(PGConnection.class).getCopyAPI().copyIn(sql, new StringReader(step.get("data").getAsString()));
                    return null;
                });
                case "copy_out" -> guarded(step, () -> {
                    conn.unwrap(PGConnection.class).getCopyAPI().copyOut(sql, new StringWriter());
                    return null;
                });
                default -> throw new IllegalArgumentException(line);
            }
        }
        conn.close();
    }
}
