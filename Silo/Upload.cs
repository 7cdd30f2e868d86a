using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Orleans.Personalize.Silo;

/// <summary>The file cannot be sent.</summary>
/// <param name="isWorthRepeating">Running it again goes on where it was.</param>
internal sealed class UploadException(string message, bool isWorthRepeating) : Exception(message)
{
    public bool IsWorthRepeating => isWorthRepeating;
}

/// <summary>Sends a file to a job, from wherever the job is, again and again until it is done.</summary>
/// <param name="path">imports or reconciliations.</param>
/// <param name="patience">How long it may make no progress.</param>
internal sealed class Upload(HttpClient client, string file, string path, TimeSpan patience, TextWriter messages)
{
    private const int BufferBytes = 64 * 1024;
    private static readonly TimeSpan PollPause = TimeSpan.FromSeconds(1), RetryPause = TimeSpan.FromMilliseconds(500);

    private readonly bool isBarShown = !Console.IsErrorRedirected && messages == Console.Error;
    private long shownAt;

    /// <returns>The job as it is in the end.</returns>
    /// <exception cref="UploadException">It is refused, or the silo is away for too long.</exception>
    public async Task<JsonObject> RunAsync(JsonObject asked)
    {
        var job = await PersistAsync(() => FindOrMakeAsync(asked));
        var id = (string)job["id"]!;
        var since = Stopwatch.GetTimestamp();
        while ((string?)job["state"] == "open")
        {
            var before = (long)job["offset"]!;
            using var done = new CancellationTokenSource();
            var watching = WatchAsync(id, done.Token);
            try
            {
                await SendAsync(id, before);
            }
            catch (Exception lost) when (lost is HttpRequestException or IOException)
            {
                await messages.WriteLineAsync($"The connection broke: {lost.Message} Trying again.");
            }
            finally
            {
                await done.CancelAsync();
                await watching;
            }
            job = await PersistAsync(async () => await GetAsync($"/v1/{path}/{id}"));
            if ((long)job["offset"]! > before)
                since = Stopwatch.GetTimestamp();
            else if (Stopwatch.GetElapsedTime(since) > patience)
                throw new UploadException("It makes no progress. Run the same command again to go on.", true);
            else
                await Task.Delay(RetryPause);
        }
        Show(job, isLast: true);
        return job;
    }

    private async Task<JsonObject> FindOrMakeAsync(JsonObject asked)
    {
        var list = await GetAsync($"/v1/{path}");
        var known = list["items"]!.AsArray().OfType<JsonObject>().FirstOrDefault(job =>
            (string?)job["state"] == "open" && (string?)job["name"] == (string?)asked["name"] && (long?)job["length"] == (long?)asked["length"]);
        if (known is not null)
        {
            await messages.WriteLineAsync($"Going on with {(string?)known["id"]} at byte {(long)known["offset"]!}.");
            return known;
        }
        using var answer = await client.PostAsync($"/v1/{path}", new StringContent(asked.ToJsonString(), Encoding.UTF8, "application/json"));
        return await JsonAsync(answer);
    }

    /// <summary>Everything from an offset on in one request; what of it is applied, the job knows.</summary>
    private async Task SendAsync(string id, long offset)
    {
        await using var content = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes, useAsync: true);
        content.Position = offset;
        using var request = new HttpRequestMessage(HttpMethod.Patch, $"/v1/{path}/{id}") { Content = new StreamContent(content, BufferBytes) };
        request.Headers.Add("Upload-Offset", offset.ToString(System.Globalization.CultureInfo.InvariantCulture));
        request.Headers.Add("Upload-Complete", "?1");
        using var answer = await client.SendAsync(request);
        // Another request may have gone on with it: where it is now is asked anyway.
        if (answer.StatusCode is not HttpStatusCode.Conflict)
            _ = await JsonAsync(answer);
    }

    private async Task WatchAsync(string id, CancellationToken done)
    {
        while (true)
        {
            await Task.Delay(PollPause, done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (done.IsCancellationRequested)
                return;
            try
            {
                Show(await GetAsync($"/v1/{path}/{id}"), isLast: false);
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException or UploadException)
            {
                // The sender finds out by itself.
            }
        }
    }

    /// <summary>Asks until there is an answer.</summary>
    private async Task<T> PersistAsync<T>(Func<Task<T>> ask)
    {
        for (var since = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                return await ask();
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException or UploadException { IsWorthRepeating: true })
            {
                if (Stopwatch.GetElapsedTime(since) > patience)
                    throw new UploadException($"The silo does not answer: {failure.Message} Run the same command again to go on.", true);
                await Task.Delay(RetryPause);
            }
        }
    }

    private async Task<JsonObject> GetAsync(string url)
    {
        using var answer = await client.GetAsync(url);
        return await JsonAsync(answer);
    }

    private static async Task<JsonObject> JsonAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        if (answer.IsSuccessStatusCode)
            return JsonNode.Parse(text)!.AsObject();
        var isPassing = answer.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || (int)answer.StatusCode >= 500;
        if (isPassing)
            throw new HttpRequestException($"{(int)answer.StatusCode} {answer.ReasonPhrase}.");
        throw new UploadException($"The silo refuses it: {(int)answer.StatusCode} {text}", false);
    }

    /// <summary>A line that is written over on a terminal; where the messages go to a file, one every ten seconds.</summary>
    private void Show(JsonObject job, bool isLast)
    {
        if (!isLast && !isBarShown && shownAt != 0 && Stopwatch.GetElapsedTime(shownAt) < TimeSpan.FromSeconds(10))
            return;
        shownAt = Stopwatch.GetTimestamp();
        var counts = job["counts"]!;
        var line = $"{(int?)job["percent"] ?? 0,3} %  {(long)counts["rows"]!} rows: {(long)counts["applied"]!} {(path == "imports" ? "applied" : "compared")}, {(long)counts["late"]!} late, "
            + $"{(long)counts["duplicates"]!} duplicates, {(long)counts["bad"]!} bad  {(double)job["rowsPerSecond"]!:0} rows/s";
        messages.Write(isBarShown && !isLast ? $"\r{line,-100}" : $"{(isBarShown ? "\r" : "")}{line,-100}{Environment.NewLine}");
    }
}
