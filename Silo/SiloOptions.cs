namespace Orleans.Personalize.Silo;

/// <summary>The silo's part of the configuration section <c>Personalize</c>; the gateway reads its own part of the same section.</summary>
public sealed class SiloOptions
{
    public const string Section = "Personalize";

    /// <summary>Where the journal, the keys and the log sender's files are. Default: <c>data</c> under the working directory.</summary>
    public string DataDirectory { get; set; } = "data";

    /// <summary>
    /// The store of facts. <c>sqlite</c>, the default, needs nothing else and serves one process. <c>postgres</c> serves a cluster: the connection
    /// string named <c>Personalize</c> says where it is.
    /// </summary>
    public string Journal { get; set; } = Sqlite;

    /// <summary>
    /// What this process is: <c>silo</c>, the default, holds grains and serves HTTP; <c>gateway</c> serves HTTP only, as a client of the silos,
    /// and needs a build for Microsoft Orleans.
    /// </summary>
    public string Role { get; set; } = SiloRole;

    /// <summary>
    /// The traits that customers are found by, beside id and e-mail address; up to 8 names. Default: none. A customer that was written before a trait was declared is
    /// found by it from its next event on.
    /// </summary>
    public string[] SearchTraits { get; set; } = [];

    internal const string SiloRole = "silo";
    internal const string GatewayRole = "gateway";

    internal const string Sqlite = "sqlite";
    internal const string Postgres = "postgres";
    internal static readonly string[] Journals = [Sqlite, Postgres];
}
