using System.Buffers.Binary;
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
    private const int Version = 2;

    /// <summary>Bytes of one remembered message id: its hash, its fingerprint, and when it occurred, each a little-endian 64-bit integer.</summary>
    private const int EntrySize = 24;

    internal sealed record Stored(int V, Profile Profile, DateTimeOffset WindowFloor, byte[] Window);

    public static byte[] Encode(Profile profile)
    {
        var window = new byte[profile.Window.Count * EntrySize];
        var at = 0;
        foreach (var (id, fingerprint, occurredAt) in profile.Window.Entries())
        {
            var entry = window.AsSpan(at++ * EntrySize, EntrySize);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, id);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], fingerprint);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], occurredAt.UtcTicks);
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(
            new Stored(Version, profile, profile.Window.Floor, window), FactJson.Default.Stored);
        return [Format, .. json];
    }

    /// <returns>Null where the snapshot is of another format or version, or damaged.</returns>
    public static Profile? Decode(ReadOnlySpan<byte> snapshot)
    {
        if (snapshot is not [Format, .. var json])
            return null;
        try
        {
            // The version comes first, for the rest may be of any shape.
            return Json.Find(new JsonText(json.ToArray()), "v") is { Kind: ScalarKind.Number, Number: Version }
                ? Restore(JsonSerializer.Deserialize(json, FactJson.Default.Stored))
                : null;
        }
        catch (Exception damaged) when (damaged is JsonException or FormatException)
        {
            return null;
        }
    }

    private static Profile? Restore(Stored? stored)
    {
        if (stored is not { Profile: not null, Window: not null })
            return null;
        var entries = new (ulong, ulong, DateTimeOffset)[stored.Window.Length / EntrySize];
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = stored.Window.AsSpan(i * EntrySize, EntrySize);
            entries[i] = (
                BinaryPrimitives.ReadUInt64LittleEndian(entry),
                BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]),
                new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(entry[16..]), TimeSpan.Zero));
        }
        return stored.Profile with
        {
            Hash = SipHash.KeyedBy(stored.Profile.Key.ToString()),
            Window = DedupeWindow.Restore(entries, stored.WindowFloor),
        };
    }
}
