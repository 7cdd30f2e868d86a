using System.Globalization;
using System.Text.Json;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Personalize.Journal;

/// <summary>Grain state, which is little, as JSON in the journal's database: one file to back up.</summary>
internal sealed class SqliteGrainStorage(SqliteDatabase database) : IGrainStorage
{
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var found = await database.ReadAsync(
            session =>
            {
                using var select = session.Statement("SELECT etag, payload FROM grain_state WHERE name = ?1 AND grain = ?2")
                    .Bind(1, stateName).Bind(2, grainId.ToString());
                return select.Read() ? (ETag: select.Int64(0), Payload: select.Blob(1)) : (0, null);
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
        var isWritten = await database.WriteAsync(session =>
        {
            using var write = session.Statement(known == 0
                ? "INSERT INTO grain_state(name, grain, etag, payload) VALUES(?1, ?2, ?3 + 1, ?4) ON CONFLICT DO NOTHING"
                : "UPDATE grain_state SET etag = ?3 + 1, payload = ?4 WHERE name = ?1 AND grain = ?2 AND etag = ?3");
            return write.Bind(1, stateName).Bind(2, grainId.ToString()).Bind(3, known).Bind(4, payload.AsSpan()).Execute() == 1;
        });
        Check(isWritten, stateName, grainState.ETag);
        grainState.ETag = Text(known + 1);
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var known = Number(grainState.ETag);
        var isCleared = await database.WriteAsync(session =>
        {
            using var delete = session.Statement("DELETE FROM grain_state WHERE name = ?1 AND grain = ?2 AND etag = ?3");
            return delete.Bind(1, stateName).Bind(2, grainId.ToString()).Bind(3, known).Execute() == 1 || known == 0;
        });
        Check(isCleared, stateName, grainState.ETag);
        grainState.ETag = null;
        grainState.RecordExists = false;
        grainState.State = Activator.CreateInstance<T>();
    }

    private static void Check(bool isDone, string stateName, string? etag)
    {
        if (!isDone)
            throw new InconsistentStateException($"The state '{stateName}' was written by somebody else.", "unknown", etag ?? "none");
    }

    /// <summary>0 stands for no record.</summary>
    private static long Number(string? etag) => etag is null ? 0 : long.Parse(etag, CultureInfo.InvariantCulture);

    private static string Text(long etag) => etag.ToString(CultureInfo.InvariantCulture);
}
