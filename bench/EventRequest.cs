using System.Buffers.Text;
using System.Text;

namespace Orleans.Personalize.Bench;

/// <summary>A request of some events as bytes, in which only the message ids and the customers change from one use to the next.</summary>
internal sealed class EventRequest
{
    private const int CustomerDigits = 8;
    private const int IdDigits = 16;

    /// <summary>As long as every instant in UTC is in this format.</summary>
    private const string Time = "\"occurredAt\":\"2000-01-01T00:00:00.0000000Z\",";

    private static readonly string Run = Guid.NewGuid().ToString("N")[..16];
    private static long lastId;

    private readonly byte[] bytes;
    private readonly int[] ids;
    private readonly int[] customers;
    private readonly int[] times;
    private readonly int[] drawn;
    private readonly Func<int, DateTime>? occurredAt;

    /// <param name="customersMax">How many customers the events of a request are of; null: each event of one of its own.</param>
    /// <param name="occurredAt">When the event of a customer occurred, in UTC; null: the request does not say, which means now.</param>
    public EventRequest(string path, int events, string name = "Product Viewed", string traits = "", int? customersMax = null, Func<int, DateTime>? occurredAt = null)
    {
        Events = events;
        this.occurredAt = occurredAt;
        drawn = new int[Math.Min(events, customersMax ?? events)];
        var body = string.Join(',', Enumerable.Range(0, events).Select(_ => Event(name, traits, occurredAt is not null)));
        if (events > 1)
            body = $$"""{"events":[{{body}}]}""";
        bytes = Encoding.UTF8.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {ServerProcess.Key}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        ids = [.. Find(Run, Run.Length)];
        customers = [.. Find("\"customer-", "\"customer-".Length)];
        times = [.. Find(Time, "\"occurredAt\":\"".Length)];
    }

    public int Events { get; }

    /// <summary>The bytes with new ids. Only until the next call.</summary>
    /// <param name="customer">Draws a customer.</param>
    public ReadOnlyMemory<byte> Next(Func<int> customer)
    {
        foreach (var at in ids)
            Utf8Formatter.TryFormat(Interlocked.Increment(ref lastId), bytes.AsSpan(at, IdDigits), out _, new('x', IdDigits));
        for (var i = 0; i < drawn.Length; i++)
            drawn[i] = customer();
        for (var i = 0; i < customers.Length; i++)
            Utf8Formatter.TryFormat(drawn[i % drawn.Length], bytes.AsSpan(customers[i], CustomerDigits), out _, new('D', CustomerDigits));
        for (var i = 0; i < times.Length; i++)
            Utf8Formatter.TryFormat(occurredAt!(drawn[i % drawn.Length]), bytes.AsSpan(times[i]), out _, 'O');
        return bytes;
    }

    /// <summary>The bytes as they were: the same events once more.</summary>
    public ReadOnlyMemory<byte> Again => bytes;

    private IEnumerable<int> Find(string mark, int offset)
    {
        var text = Encoding.ASCII.GetString(bytes);
        for (var at = text.IndexOf(mark, StringComparison.Ordinal); at >= 0; at = text.IndexOf(mark, at + 1, StringComparison.Ordinal))
            yield return at + offset;
    }

    private static string Event(string name, string traits, bool isDated) =>
        $$$"""{"messageId":"{{{Run}}}{{{new string('0', IdDigits)}}}","customer":"customer-{{{new string('0', CustomerDigits)}}}","name":"{{{name}}}",{{{(isDated ? Time : "")}}}{{{traits}}}"properties":{"product_id":"p-123","name":"Trail Shoe","price":129.9,"url":"https://shop.example/p/trail-shoe"}}""";
}
