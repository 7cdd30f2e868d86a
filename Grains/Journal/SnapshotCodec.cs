using System.Text.Json;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Journal;

/// <summary>
/// A profile as a snapshot: one format byte (1), then UTF-8 JSON. A snapshot is only a shortcut: one of another version is ignored, and the
/// facts are replayed from the start.
/// </summary>
public static class SnapshotCodec
{
    private const byte Format = 1;

    /// <summary>Rises whenever a fold or the shape of a profile changes, so that old snapshots are folded anew.</summary>
    private const int Version = 4;

    internal sealed record Stored(int V, Profile Profile);

    public static byte[] Encode(Profile profile) =>
        PooledJson.Encode(Format, new Stored(Version, profile), static (writer, stored) => JsonSerializer.Serialize(writer, stored, FactJson.Default.Stored));

    /// <returns>Null where the snapshot is of another format or version, or damaged.</returns>
    public static Profile? Decode(ReadOnlySpan<byte> snapshot)
    {
        if (snapshot is not [Format, .. var json])
            return null;
        try
        {
            // The version comes first, for the rest may be of any shape.
            return Json.Find(new JsonText(json.ToArray()), "v") is { Kind: ScalarKind.Number, Number: Version }
                && JsonSerializer.Deserialize(json, FactJson.Default.Stored) is { Profile: { } profile }
                ? profile with { Hash = SipHash.KeyedBy(profile.Key.ToString()) }
                : null;
        }
        catch (Exception damaged) when (damaged is JsonException or FormatException)
        {
            return null;
        }
    }
}
