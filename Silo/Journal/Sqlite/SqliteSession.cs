using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Orleans.Personalize.Journal;

/// <summary>A connection and the statements prepared on it. For one thread at a time.</summary>
internal sealed class SqliteSession : IDisposable
{
    private readonly Dictionary<string, SqliteStatement> statements = [];
    private readonly SqliteConnection connection;

    static SqliteSession() => Batteries_V2.Init();

    /// <param name="pragmas">Run once it is open.</param>
    public SqliteSession(string path, SqliteOpenMode mode, string pragmas)
    {
        // The pool of the provider would keep files open, and hand out connections with another's settings.
        connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false }.ToString());
        try
        {
            connection.Open();
            Execute(pragmas);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Set by a write that removed something that must not linger in the log file either.</summary>
    public bool ErasedLately { get; set; }

    private sqlite3 Handle => connection.Handle!;

    public bool IsInTransaction => raw.sqlite3_get_autocommit(Handle) == 0;

    /// <summary>The statement for this text, prepared the first time it is asked for. Each text is used by one caller at a time.</summary>
    public SqliteStatement Statement(string sql)
    {
        if (!statements.TryGetValue(sql, out var statement))
            statements[sql] = statement = new SqliteStatement(Handle, sql);
        return statement;
    }

    /// <summary>Runs any number of statements that need no arguments and are not worth keeping.</summary>
    public void Execute(string sql) =>
        SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(Handle, sql), Handle);

    /// <summary>The first column of the first row, or null.</summary>
    public long? Scalar(string sql)
    {
        using var statement = Statement(sql);
        return statement.Read() ? statement.Int64OrNull(0) : null;
    }

    public void Dispose()
    {
        foreach (var statement in statements.Values)
            statement.Close();
        connection.Dispose();
    }
}
