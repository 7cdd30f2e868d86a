using System.Buffers;
using System.Text.Json;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>
/// Writes each send as one line of NDJSON instead of delivering it. A line is with the operating system before the send counts as sent: it
/// outlives the process, not a loss of power.
/// </summary>
internal sealed class LogSender(LineFile file, TimeProvider clock) : ISender
{
    public async Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation)
    {
        try
        {
            await file.AppendAsync(Line(message, clock.GetUtcNow()), cancellation);
            return new Delivery(SendOutcome.Sent);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return new Delivery(SendOutcome.Retry, Detail: $"The log was not written: {fault.Message}");
        }
    }

    private static ReadOnlyMemory<byte> Line(SendMessage message, DateTimeOffset now)
    {
        var job = message.Job;
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, SenderJson.Options))
        {
            json.WriteStartObject();
            json.WriteInstant("at", now);
            json.WriteString("workspace", message.Workspace);
            json.WriteString("customer", message.CustomerId);
            json.WriteString("decisionId", job.DecisionId);
            json.WriteNumber("attempt", job.Attempt);
            json.WriteString("trigger", job.Trigger);
            json.WriteString("key", job.Key);
            json.WriteString("template", job.Template);
            json.WriteString("subject", message.Content?.Subject);
            json.WriteString("text", message.Content?.Text);
            if (message.Content?.Html is { } html)
                json.WriteString("html", html);
            WriteOnOneLine(json, "data", job.Data);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    /// <summary>The text of a value may hold line breaks between its tokens, so it is written anew.</summary>
    private static void WriteOnOneLine(Utf8JsonWriter json, string name, JsonText value)
    {
        if (value.Span.IndexOfAny((byte)'\n', (byte)'\r') < 0)
        {
            json.WriteRaw(name, value);
            return;
        }
        using var document = JsonDocument.Parse(value.Utf8);
        json.WritePropertyName(name);
        document.RootElement.WriteTo(json);
    }
}
