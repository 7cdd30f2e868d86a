using System.Text.RegularExpressions;
using Npgsql;

namespace Orleans.Personalize.Journal;

/// <summary>What every connection is like. docs/postgres.md says why; whatever the configured connection string says itself, wins.</summary>
internal static partial class PostgresSettings
{
    private const string Defaults =
        "Application Name=personalize;Search Path=personalize;Maximum Pool Size=20;Timeout=5;Command Timeout=30;" +
        "No Reset On Close=true;Max Auto Prepare=64;Auto Prepare Min Usages=2;" +
        "Tcp Keepalive=true;Tcp Keepalive Time=30;Tcp Keepalive Interval=10;";

    /// <summary>
    /// The planner's switches leave it the plans that the statements are written for: every look-up goes through an index, in the order of the
    /// customers in the batch, however small a table is or seems.
    /// </summary>
    private const string ServerSettings =
        "-c synchronous_commit=on -c statement_timeout=20s -c idle_in_transaction_session_timeout=20s " +
        "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 " +
        "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c work_mem=32MB";

    /// <exception cref="JournalOpenException">It cannot be understood; the message does not repeat it.</exception>
    public static NpgsqlConnectionStringBuilder Complete(string? connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
            throw new JournalOpenException("Personalize:Journal is postgres, so ConnectionStrings:Personalize must say where it is, such as Host=…;Database=…;Username=…;Password=….");
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new NpgsqlConnectionStringBuilder(Defaults + connectionString);
        }
#pragma warning disable MA0054 // Their messages may quote a part of the string, and so a password.
        catch (Exception failure) when (failure is ArgumentException or FormatException or InvalidCastException or OverflowException)
        {
            throw new JournalOpenException("ConnectionStrings:Personalize cannot be understood: see https://www.npgsql.org/doc/connection-string-parameters.html.");
        }
#pragma warning restore MA0054
        if (!SchemaName().IsMatch(settings.SearchPath ?? ""))
            throw new JournalOpenException("The Search Path of ConnectionStrings:Personalize must be the name of one schema: small letters, digits and underscores.");
        settings.Options = $"{ServerSettings} {settings.Options}".TrimEnd();
        return settings;
    }

    [GeneratedRegex("^[a-z_][a-z0-9_]{0,62}$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex SchemaName();
}
