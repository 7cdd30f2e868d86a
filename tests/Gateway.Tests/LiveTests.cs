using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class LiveTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private GatewayServer server = null!;

    private FakeCustomer Ann => server.Grains.Customer("default/ann");

    public async Task InitializeAsync()
    {
        server = await StartAsync(configure: static builder => builder.Services.AddSingleton(new LiveConnections(2)));
        Ann.View = View(7);
        Ann.OnTimeline = static (limit, before) => new(
            [.. Enumerable.Range(0, limit).Select(i => before!.Value - 1 - i).TakeWhile(static version => version > 0)
                .Select(static version => new TimelineItem(version, DateTimeOffset.UnixEpoch, "eventApplied", JsonText.FromString("{\n\r\n\"a\" :\r1}")))],
            null);
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_stream_begins_with_the_profile_and_shows_each_change_with_its_facts()
    {
        using var stream = await Events.OpenAsync(server.Admin, "/v1/customers/ann/live");
        Assert.Equal(("profile", "7", 7), await stream.ProfileAsync());

        Ann.View = View(9);

        Assert.Equal(("profile", "9", 9), await stream.ProfileAsync());
        var (name, id, data) = await stream.NextAsync();
        Assert.Equal(("facts", "9"), (name, id));
        Assert.Equal([9, 8], Versions(data));
        Assert.Equal(1, data.GetProperty("items")[0].GetProperty("fact").GetProperty("a").GetInt32());
    }

    [Theory]
    [InlineData("?after=4", null, "7 6 5", 0)]
    [InlineData("?after=1", "5", "7 6", 0)]
    [InlineData("?after=7", null, "", 0)]
    public async Task A_reader_that_comes_back_gets_the_facts_it_has_missed(string query, string? lastEventId, string versions, int skipped)
    {
        using var stream = await Events.OpenAsync(server.Admin, $"/v1/customers/ann/live{query}", lastEventId);
        await stream.ProfileAsync();
        if (versions.Length == 0)
        {
            Ann.View = View(8);
            await stream.ProfileAsync();
        }
        var facts = (await stream.NextAsync()).Data;
        Assert.Equal(versions.Length == 0 ? "8" : versions, string.Join(' ', Versions(facts)));
        Assert.Equal(skipped, facts.GetProperty("skipped").GetInt64());
    }

    [Fact]
    public async Task More_facts_than_fit_are_counted()
    {
        Ann.View = View(1000);
        using var stream = await Events.OpenAsync(server.Admin, "/v1/customers/ann/live?after=10");
        await stream.ProfileAsync();
        var facts = (await stream.NextAsync()).Data;
        Assert.Equal((100, 1000, 890L), (Versions(facts).Length, Versions(facts)[0], facts.GetProperty("skipped").GetInt64()));
    }

    [Fact]
    public async Task A_reader_is_shown_the_newest_and_no_backlog()
    {
        using var stream = await Events.OpenAsync(server.Admin, "/v1/customers/ann/live");
        await stream.ProfileAsync();
        for (var version = 8; version <= 2000; version++)
            Ann.View = View(version);

        var shown = new List<int>();
        while (shown is not [.., 2000])
        {
            var (name, _, data) = await stream.NextAsync();
            if (name == "profile")
                shown.Add(data.GetProperty("version").GetInt32());
        }
        Assert.InRange(shown.Count, 1, 1000);
        Assert.Equal(shown.Order(), shown);
    }

    [Fact]
    public async Task Where_nothing_happens_a_comment_shows_that_the_line_is_alive()
    {
        Ann.FollowTime = TimeSpan.Zero;
        using var stream = await Events.OpenAsync(server.Admin, "/v1/customers/ann/live");
        await stream.ProfileAsync();
        Assert.Equal(":", await stream.LineAsync());
    }

    [Fact]
    public async Task An_erasure_is_told_and_the_customer_may_come_back()
    {
        using var stream = await Events.OpenAsync(server.Admin, "/v1/customers/ann/live");
        await stream.ProfileAsync();
        Ann.View = null;
        var erased = await stream.NextAsync();
        Assert.Equal(("erased", "0"), (erased.Event, erased.Id));
        Ann.View = View(1);
        Assert.Equal(("profile", "1", 1), await stream.ProfileAsync());
    }

    [Fact]
    public async Task No_more_may_look_on_than_there_is_room_for_and_who_leaves_makes_room()
    {
        // Those who are refused take no place.
        for (var i = 0; i < 3; i++)
            await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/nobody/live"));
        var first = await Events.OpenAsync(server.Admin, "/v1/customers/ann/live");
        using var second = await Events.OpenAsync(server.Admin, "/v1/customers/ann/live");
        await ProblemAsync(429, await server.Admin.GetAsync("/v1/customers/ann/live"));
        await first.ProfileAsync();
        first.Dispose();
        Events? third = null;
        await Eventually.TrueAsync(async () => (third = await Events.TryOpenAsync(server.Admin, "/v1/customers/ann/live")) is not null, static () => "there is room");
        third!.Dispose();
    }

    [Fact]
    public async Task A_stream_ends_when_its_key_is_revoked()
    {
        Ann.FollowTime = TimeSpan.Zero;
        var (id, _, client) = await server.CreateKeyAsync("read");
        using var stream = await Events.OpenAsync(client, "/v1/customers/ann/live");
        await stream.ProfileAsync();
        await server.Admin.DeleteAsync($"/v1/keys/{id}");
        while (await stream.LineAsync() is not null)
        {
        }
    }

    [Fact]
    public async Task Over_websocket_the_same_is_said()
    {
        using var socket = await ConnectAsync("/v1/customers/ann/live/ws?after=5");
        var profile = await ReceiveAsync(socket);
        Assert.Equal(("profile", 7), (profile.GetProperty("event").GetString(), profile.GetProperty("version").GetInt32()));
        var facts = await ReceiveAsync(socket);
        Assert.Equal([7, 6], Versions(facts.GetProperty("data")));
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, default);
        Ann.View = View(8);
        Assert.Equal(8, (await ReceiveAsync(socket)).GetProperty("data").GetProperty("version").GetInt32());

        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
        while (socket.State != WebSocketState.Closed)
            await socket.ReceiveAsync(new byte[65536], new CancellationTokenSource(Patience).Token);
    }

    [Fact]
    public async Task A_page_of_another_origin_may_not_look_on_and_plain_http_is_told_to_upgrade()
    {
        await ProblemAsync(426, await server.Admin.GetAsync("/v1/customers/ann/live/ws"));
        await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync("/v1/customers/ann/live/ws", "https://evil.example"));
        using var own = await ConnectAsync("/v1/customers/ann/live/ws", server.Address.GetLeftPart(UriPartial.Authority));
        await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync("/v1/customers/nobody/live/ws"));
    }

    [Fact]
    public async Task Those_who_look_on_do_not_keep_the_process_from_stopping()
    {
        using var stream = await Events.OpenAsync(server.Admin, "/v1/customers/ann/live");
        using var socket = await ConnectAsync("/v1/customers/ann/live/ws");
        await stream.ProfileAsync();
        await server.DisposeAsync().AsTask().WaitAsync(Patience);
        while (await stream.LineAsync() is not null)
        {
        }
        server = await StartAsync();
    }

    private async Task<ClientWebSocket> ConnectAsync(string path, string? origin = null)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {AdminKey}");
        if (origin is not null)
            socket.Options.SetRequestHeader("Origin", origin);
        await socket.ConnectAsync(new UriBuilder(new Uri(server.Address, path)) { Scheme = "ws" }.Uri, new CancellationTokenSource(Patience).Token);
        return socket;
    }

    private static async Task<JsonElement> ReceiveAsync(WebSocket socket)
    {
        using var message = new MemoryStream();
        var buffer = new byte[4096];
        WebSocketReceiveResult received;
        do
        {
            received = await socket.ReceiveAsync(buffer, new CancellationTokenSource(Patience).Token);
            message.Write(buffer, 0, received.Count);
        }
        while (!received.EndOfMessage);
        using var json = JsonDocument.Parse(Encoding.UTF8.GetString(message.ToArray()));
        return json.RootElement.Clone();
    }

    private static int[] Versions(JsonElement facts) => [.. facts.GetProperty("items").EnumerateArray().Select(static item => item.GetProperty("version").GetInt32())];

    private static CustomerView View(long version) => new()
    {
        Customer = "ann", Version = version, FirstSeenAt = null, LastSeenAt = null, Traits = [], Consent = [], Counters = [],
        Cart = new CartView(null, 0, [], null), Orders = [], Waits = [], Sends = [], Decisions = [], Recent = [],
    };

    /// <summary>A reader of server-sent events, as the standard has it.</summary>
    private sealed class Events(HttpResponseMessage response, StreamReader reader) : IDisposable
    {
        public static async Task<Events> OpenAsync(HttpClient client, string path, string? lastEventId = null) =>
            await TryOpenAsync(client, path, lastEventId) ?? throw new InvalidOperationException("It was refused.");

        public static async Task<Events?> TryOpenAsync(HttpClient client, string path, string? lastEventId = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (lastEventId is not null)
                request.Headers.Add("Last-Event-ID", lastEventId);
            var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(Patience);
            if (!response.IsSuccessStatusCode)
                return null;
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
            return new(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
        }

        /// <returns>Null at the end.</returns>
        public async Task<string?> LineAsync()
        {
            try
            {
                return await reader.ReadLineAsync().WaitAsync(Patience);
            }
            catch (Exception cut) when (cut is IOException or HttpRequestException)
            {
                return null;
            }
        }

        public async Task<(string Event, string Id, JsonElement Data)> NextAsync()
        {
            var (name, id, data) = ("", "", new StringBuilder());
            while (await LineAsync() is { } line)
            {
                switch (line.Split(": ", 2))
                {
                    case ["event", var value]: name = value; break;
                    case ["id", var value]: id = value; break;
                    case ["data", var value]: data.Append(value).Append('\n'); break;
                    case [""] when name.Length > 0:
                        using (var json = JsonDocument.Parse(data.ToString()))
                            return (name, id, json.RootElement.Clone());
                }
            }
            throw new EndOfStreamException();
        }

        public async Task<(string, string, int)> ProfileAsync()
        {
            var (name, id, data) = await NextAsync();
            return (name, id, data.GetProperty("version").GetInt32());
        }

        public void Dispose()
        {
            reader.Dispose();
            response.Dispose();
        }
    }
}
