namespace Orleans.Personalize.Journal;

/// <summary>
/// The tables in which the silos of a cluster write down that they are there. Orleans' ADO.NET provider asks for nothing but its queries by name, in
/// a table <c>OrleansQuery</c>; what they mean, which parameters they get and which columns they must return is documented
/// (https://learn.microsoft.com/dotnet/orleans/host/configuration-guide/adonet-configuration). The rest is ours.
/// </summary>
/// <remarks>
/// Each query is one statement, so that it is whole or not at all without a transaction. Whoever changes the list of members names the version that he has
/// read, and gets nothing done if there is a newer one: this makes all changes of a cluster follow one another.
/// </remarks>
internal static class PostgresMembership
{
    /// <summary>A member of that row, by the parameters that Orleans gives.</summary>
    private const string ThisMember = "(DeploymentId, Address, Port, Generation) = (@DeploymentId, @Address, @Port, @Generation)";

    private const string Columns = "v.Version, m.Address, m.Port, m.Generation, m.SiloName, m.HostName, m.Status, m.ProxyPort, m.SuspectTimes, m.StartTime, m.IAmAliveTime";

    /// <summary>Takes the next version of the cluster, if it is the one after <c>@Version</c> and the condition holds.</summary>
    private static string NextVersion(string condition) => $"""
        WITH taken AS (
          UPDATE OrleansMembershipVersionTable SET Version = Version + 1, Timestamp = now()
          WHERE DeploymentId = @DeploymentId AND Version = @Version AND {condition} (SELECT FROM OrleansMembershipTable WHERE {ThisMember})
          RETURNING DeploymentId),
        """;

    internal static readonly (string Key, string Text)[] Queries =
    [
        ("InsertMembershipVersionKey", """
            WITH made AS (
              INSERT INTO OrleansMembershipVersionTable(DeploymentId, Version) VALUES(@DeploymentId, 0) ON CONFLICT DO NOTHING RETURNING 1)
            SELECT EXISTS(SELECT FROM made)
            """),
        ("InsertMembershipKey", $"""
            {NextVersion("NOT EXISTS")}
            made AS (
              INSERT INTO OrleansMembershipTable(
                DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, StartTime, IAmAliveTime)
              SELECT DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM taken
              RETURNING 1)
            SELECT EXISTS(SELECT FROM made)
            """),
        ("UpdateMembershipKey", $"""
            {NextVersion("EXISTS")}
            made AS (
              UPDATE OrleansMembershipTable SET Status = @Status, SuspectTimes = @SuspectTimes, IAmAliveTime = @IAmAliveTime
              WHERE {ThisMember} AND EXISTS(SELECT FROM taken)
              RETURNING 1)
            SELECT EXISTS(SELECT FROM made)
            """),
        ("UpdateIAmAlivetimeKey", $"UPDATE OrleansMembershipTable SET IAmAliveTime = @IAmAliveTime WHERE {ThisMember}"),
        // A cluster without members has a version all the same: one row, in which everything else is null.
        ("MembershipReadRowKey", $"""
            SELECT {Columns}
            FROM OrleansMembershipVersionTable v LEFT JOIN OrleansMembershipTable m
              ON m.DeploymentId = v.DeploymentId AND m.Address = @Address AND m.Port = @Port AND m.Generation = @Generation
            WHERE v.DeploymentId = @DeploymentId
            """),
        ("MembershipReadAllKey", $"""
            SELECT {Columns}
            FROM OrleansMembershipVersionTable v LEFT JOIN OrleansMembershipTable m ON m.DeploymentId = v.DeploymentId
            WHERE v.DeploymentId = @DeploymentId
            """),
        ("GatewaysQueryKey", """
            SELECT Address, ProxyPort, Generation FROM OrleansMembershipTable
            WHERE DeploymentId = @DeploymentId AND Status = @Status AND ProxyPort > 0
            """),
        ("DeleteMembershipTableEntriesKey", "DELETE FROM OrleansMembershipVersionTable WHERE DeploymentId = @DeploymentId"),
        // 6 is Orleans' SiloStatus.Dead.
        ("CleanupDefunctSiloEntriesKey", """
            DELETE FROM OrleansMembershipTable WHERE DeploymentId = @DeploymentId AND Status = 6 AND IAmAliveTime < @IAmAliveTime
            """),
    ];

    /// <summary>The migration.</summary>
    public static string Tables => $"""
        CREATE TABLE OrleansMembershipVersionTable(
          DeploymentId text PRIMARY KEY,
          Version int NOT NULL,
          Timestamp timestamptz NOT NULL DEFAULT now());

        CREATE TABLE OrleansMembershipTable(
          DeploymentId text NOT NULL REFERENCES OrleansMembershipVersionTable ON DELETE CASCADE,
          Address text NOT NULL,
          Port int NOT NULL,
          Generation int NOT NULL,
          SiloName text NOT NULL,
          HostName text NOT NULL,
          Status int NOT NULL,
          ProxyPort int NOT NULL,
          SuspectTimes text,
          StartTime timestamptz NOT NULL,
          IAmAliveTime timestamptz NOT NULL,
          PRIMARY KEY(DeploymentId, Address, Port, Generation));

        CREATE TABLE OrleansQuery(QueryKey text PRIMARY KEY, QueryText text NOT NULL);
        INSERT INTO OrleansQuery(QueryKey, QueryText) VALUES
        {string.Join(",\n", Queries.Select(static query => $"('{query.Key}', '{query.Text.Replace("'", "''", StringComparison.Ordinal)}')"))};
        """;
}
