using System.Globalization;
using System.Text.Json;
using Npgsql;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Personalize.Journal;

/// <summary>Grain state, which is little, as JSON in the journal's database: one thing to back up.</summary>
internal sealed class PostgresGrainStorage(PostgresDatabase database) : IGrainStorage
{
    private const string ReadSql = "SELECT etag, payload FROM grain_state WHERE name = $1 AND grain = $2";
    private const string InsertSql = "INSERT INTO grain_state(name, grain, etag, payload) VALUES($1, $2, $3 + 1, $4) ON CONFLICT DO NOTHING";
    private const string UpdateSql = "UPDATE grain_state SET etag = $3 + 1, payload = $4 WHERE name = $1 AND grain = $2 AND etag = $3";
    private const string DeleteSql = "DELETE FROM grain_state WHERE name = $1 AND grain = $2 AND etag = $3";

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var found = await database.RunAsync(
            async (connection, cancellation) =>
            {
                await using var select = Command(ReadSql, connection, stateName, grainId);
                await using var row = await select.ExecuteReaderAsync(cancellation);
                return await row.ReadAsync(cancellation) ? (ETag: row.GetInt64(0), Payload: row.GetFieldValue<byte[]>(1)) : (0, null);
            },
            CancellationToken.None);
        grainState.RecordExists = found.Payload is not null;
        grainState.ETag = found.Payload is null ? null : Text(found.ETag);
        grainState.State = found.Payload is null ? Activator.CreateInstance<T>() : JsonSerializer.Deserialize<T>(found.Payload)!;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var payload = JsonSerializer.SerializeToUtf8Bytes(grainState.State);
        var known = Number(grainState.ETag);
        var rows = await database.RunAsync(
            async (connection, cancellation) =>
            {
                await using var write = Command(known == 0 ? InsertSql : UpdateSql, connection, stateName, grainId).With(known).With(payload);
                return await write.ExecuteNonQueryAsync(cancellation);
            },
            CancellationToken.None);
        Check(rows == 1, stateName, grainState.ETag);
        grainState.ETag = Text(known + 1);
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var known = Number(grainState.ETag);
        var rows = await database.RunAsync(
            async (connection, cancellation) =>
            {
                await using var delete = Command(DeleteSql, connection, stateName, grainId).With(known);
                return await delete.ExecuteNonQueryAsync(cancellation);
            },
            CancellationToken.None);
        Check(rows == 1 || known == 0, stateName, grainState.ETag);
        grainState.ETag = null;
        grainState.RecordExists = false;
        grainState.State = Activator.CreateInstance<T>();
    }

    private static NpgsqlCommand Command(string sql, NpgsqlConnection connection, string stateName, GrainId grainId) =>
        new NpgsqlCommand(sql, connection).With(stateName).With(grainId.ToString());

    private static void Check(bool isDone, string stateName, string? etag)
    {
        if (!isDone)
            throw new InconsistentStateException($"The state '{stateName}' was written by somebody else.", "unknown", etag ?? "none");
    }

    /// <summary>0 stands for no record.</summary>
    private static long Number(string? etag) => etag is null ? 0 : long.Parse(etag, CultureInfo.InvariantCulture);

    private static string Text(long etag) => etag.ToString(CultureInfo.InvariantCulture);
}
