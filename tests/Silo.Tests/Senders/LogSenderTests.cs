using System.Text;
using System.Text.Json;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Senders;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class LogSenderTests : IDisposable
{
    private readonly string directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private readonly MemoryStream standardOutput = new();
    private readonly ManualClock clock = new(new DateTimeOffset(2026, 3, 1, 12, 30, 0, 250, TimeSpan.FromHours(2)));
    private readonly LogSenderFactory factory;

    public LogSenderTests() => factory = new LogSenderFactory(directory, standardOutput, clock);

    public void Dispose()
    {
        factory.Dispose();
        if (Directory.Exists(directory))
            Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_send_is_one_line()
    {
        var delivery = await Deliver(Sender("""{"type":"log","channel":"email","path":"sends.ndjson"}"""));

        Assert.Equal(new Delivery(SendOutcome.Sent), delivery);
        Assert.Equal(
            """{"at":"2026-03-01T10:30:00.250Z","workspace":"shop","customer":"ada/é","decisionId":"0123456789abcdef0123456789abcdef","attempt":1,"trigger":"cart-abandoned","key":"c7","template":"cart","subject":"Your <cart>","text":"Mug & more","html":"<p>Mug & more</p>","data":{ "campaign" : "spring" }}""" + "\n",
            Written("sends.ndjson"));
    }

    [Fact]
    public async Task Absent_things_are_null_and_absent_html_is_left_out()
    {
        var message = Sample.Message(Sample.Job() with { Key = null, Template = null, Data = default }) with { Content = null };
        await Deliver(Sender("""{"type":"log"}"""), message);

        using var line = JsonDocument.Parse(Written("log1.ndjson"));
        foreach (var name in (string[])["key", "template", "subject", "text", "data"])
            Assert.Equal(JsonValueKind.Null, line.RootElement.GetProperty(name).ValueKind);
        Assert.False(line.RootElement.TryGetProperty("html", out _));
    }

    [Fact]
    public async Task Line_breaks_anywhere_in_a_message_stay_inside_the_line()
    {
        var job = Sample.Job() with { Key = "a\nb", Data = JsonText.FromString("{\r\n  \"a\": [\n1.50 ]\n}") };
        await Deliver(Sender("""{"type":"log"}"""), Sample.Message(job, new RenderedContent("s", "<p>\n</p>", "a\r\nb\u2028c")));

        var line = Assert.Single(Written("log1.ndjson").TrimEnd('\n').Split('\n'));
        using var json = JsonDocument.Parse(line);
        Assert.Equal("""{"a":[1.50]}""", json.RootElement.GetProperty("data").GetRawText());
        Assert.Equal("a\r\nb\u2028c", json.RootElement.GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_thousand_concurrent_sends_are_a_thousand_whole_lines()
    {
        ISender[] senders = [Sender("""{"type":"log","path":"a/b.ndjson"}""", "one"), Sender("""{"type":"log","path":"a/b.ndjson"}""", "two")];
        var deliveries = await Task.WhenAll(Enumerable.Range(0, 1000).Select(number => Task.Run(() =>
            Deliver(senders[number % 2], Sample.Message(Sample.Job() with { DecisionId = $"d{number}" }, new RenderedContent(null, null, new string('x', number)))))));

        Assert.All(deliveries, delivery => Assert.Equal(SendOutcome.Sent, delivery.Outcome));
        var ids = new HashSet<string>();
        foreach (var line in Written("a/b.ndjson").TrimEnd('\n').Split('\n'))
        {
            using var json = JsonDocument.Parse(line);
            var id = json.RootElement.GetProperty("decisionId").GetString()!;
            Assert.Equal(id, $"d{json.RootElement.GetProperty("text").GetString()!.Length}");
            Assert.True(ids.Add(id));
        }
        Assert.Equal(1000, ids.Count);
    }

    [Fact]
    public async Task What_a_crash_left_of_a_line_does_not_spoil_the_next()
    {
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(Path.Combine(directory, "log1.ndjson"), "{\"at\":\"20");
        await Deliver(Sender("""{"type":"log"}"""));

        var lines = Written("log1.ndjson").Split('\n');
        Assert.Equal("{\"at\":\"20", lines[0]);
        using var json = JsonDocument.Parse(lines[1]);
        Assert.Equal("", lines[2]);
    }

    [Fact]
    public async Task A_file_that_was_moved_away_is_begun_anew()
    {
        var sender = Sender("""{"type":"log"}""");
        await Deliver(sender);
        File.Move(Path.Combine(directory, "log1.ndjson"), Path.Combine(directory, "old.ndjson"));
        await Deliver(sender);

        Assert.Equal(Written("old.ndjson"), Written("log1.ndjson"));
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_tried_again_later()
    {
        Directory.CreateDirectory(Path.Combine(directory, "log1.ndjson"));
        var delivery = await Deliver(Sender("""{"type":"log"}"""));

        Assert.Equal(SendOutcome.Retry, delivery.Outcome);
        Assert.StartsWith("The log was not written: ", delivery.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dash_is_standard_output()
    {
        await Deliver(Sender("""{"type":"log","path":"-"}"""));

        var text = Encoding.UTF8.GetString(standardOutput.ToArray());
        Assert.EndsWith("}\n", text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(directory));
    }

    [Theory]
    [InlineData("""{"type":"log"}""")]
    [InlineData("""{"type":"log","channel":"email","path":"-"}""")]
    [InlineData("""{"type":"log","path":"a/b.c/..d/e..ndjson"}""")]
    public void A_sound_document_has_no_errors(string document) => Assert.Empty(Validate(document));

    [Theory]
    [InlineData("7", "")]
    [InlineData("""{"type":"webhook"}""", "/type")]
    [InlineData("""{}""", "/type")]
    [InlineData("""{"type":"log","channel":""}""", "/channel")]
    [InlineData("""{"type":"log","channel":5}""", "/channel")]
    [InlineData("""{"type":"log","path":""}""", "/path")]
    [InlineData("""{"type":"log","path":"/etc/passwd"}""", "/path")]
    [InlineData("""{"type":"log","path":"../x"}""", "/path")]
    [InlineData("""{"type":"log","path":"a/../../x"}""", "/path")]
    [InlineData("""{"type":"log","path":"a/.."}""", "/path")]
    [InlineData("""{"type":"log","path":"a//b"}""", "/path")]
    [InlineData("""{"type":"log","path":"./x"}""", "/path")]
    [InlineData("""{"type":"log","path":"a/"}""", "/path")]
    [InlineData("""{"type":"log","path":"..\\x"}""", "/path")]
    [InlineData("""{"type":"log","path":"C:x"}""", "/path")]
    [InlineData("""{"type":"log","path":"a\u0000b"}""", "/path")]
    [InlineData("""{"type":"log","path":"a\nb"}""", "/path")]
    [InlineData("""{"type":"log","path":"\ud800"}""", "/path")]
    public void A_fault_is_pointed_at(string document, string pointer) => Assert.Equal(pointer, Assert.Single(Validate(document)).Pointer);

    [Theory]
    [InlineData("../../x")]
    [InlineData("/x")]
    public void A_senders_id_cannot_leave_the_directory(string id) =>
        Assert.Throws<ArgumentException>(() => Sender("""{"type":"log"}""", id));

    private IReadOnlyList<DocumentError> Validate(string document)
    {
        using var json = JsonDocument.Parse(document);
        return factory.Validate(json.RootElement);
    }

    private ISender Sender(string document, string id = "log1")
    {
        using var json = JsonDocument.Parse(document);
        return factory.Create("shop", id, json.RootElement);
    }

    private string Written(string path) => File.ReadAllText(Path.Combine(directory, path));

    private static Task<Delivery> Deliver(ISender sender, SendMessage? message = null) =>
        sender.DeliverAsync(message ?? Sample.Message(), CancellationToken.None);
}
