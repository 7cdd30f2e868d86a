using System.Buffers;
using System.Text.Json;

namespace Orleans.Personalize.Journal;

/// <summary>Encodes what the journal stores: a format byte, then JSON. Each thread keeps what it encodes with, so that only the result is allocated.</summary>
internal static class PooledJson
{
    /// <summary>About a snapshot with a full window of message ids; what grew larger is not kept.</summary>
    private const int KeptBytesMax = 512 * 1024;

    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Writer)? kept;

    public static byte[] Encode<T>(byte format, T value, Action<Utf8JsonWriter, T> write)
    {
        var (buffer, writer) = kept ?? Create();
        // Not kept where writing fails half-way.
        kept = null;
        buffer.Write([format]);
        write(writer, value);
        writer.Flush();
        var encoded = buffer.WrittenSpan.ToArray();
        buffer.ResetWrittenCount();
        writer.Reset();
        if (buffer.Capacity <= KeptBytesMax)
            kept = (buffer, writer);
        return encoded;
    }

    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Writer) Create()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        return (buffer, new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }));
    }
}
