using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Http;

/// <summary>What a provider answered: its status, and its body for those who ask for it.</summary>
/// <param name="deadline">Ends the reading of the body; also when the caller cancels.</param>
/// <param name="caller">The caller's own cancellation.</param>
internal sealed class Answer(HttpResponseMessage response, TimeProvider clock, CancellationToken deadline, CancellationToken caller)
{
    /// <summary>A longer body is not read: no answer of a provider is near it.</summary>
    public const int BodyBytesMax = 64 * 1024;

    /// <summary>A longer wait that a provider asks for is cut to this.</summary>
    public static readonly TimeSpan RetryAfterMax = TimeSpan.FromDays(1);

    public int Status => (int)response.StatusCode;

    public bool IsSuccess => response.IsSuccessStatusCode;

    /// <summary>
    /// <c>Retry-After</c> as seconds or an HTTP date (RFC 9110, section 10.2.3), from now; null where there is none, or it has passed.
    /// </summary>
    public TimeSpan? RetryAfter => Bounded(response.Headers.RetryAfter?.Delta ?? response.Headers.RetryAfter?.Date - clock.GetUtcNow());

    public TimeSpan? Until(DateTimeOffset instant) => Bounded(instant - clock.GetUtcNow());

    public string? Header(string name) =>
        response.Headers.TryGetValues(name, out var values) && values.First() is { Length: > 0 and <= ProviderText.LengthMax } value ? value : null;

    /// <summary>What a status means wherever it comes from.</summary>
    /// <param name="why">The provider's own words, already quoted.</param>
    public Delivery Judge(string? why = null)
    {
        var detail = why is null ? $"Answered {Status}." : $"Answered {Status}: {why}";
        return Status switch
        {
            >= 200 and < 300 => new Delivery(SendOutcome.Sent),
            >= 300 and < 400 => new Delivery(SendOutcome.Failed, Detail: $"Answered {Status}; redirects are not followed."),
            // A gateway says these of a server behind it that may have taken the request before it was lost sight of; 520 and up are Cloudflare's.
            502 or 504 or >= 520 => new Delivery(SendOutcome.Unknown, Detail: detail, RetryAfter: RetryAfter),
            408 or 425 or 429 or >= 500 => new Delivery(SendOutcome.Retry, Detail: detail, RetryAfter: RetryAfter),
            _ => new Delivery(SendOutcome.Failed, Detail: detail),
        };
    }

    /// <summary>
    /// As <see cref="Judge"/>, but a refused key, account or plan is nothing of this message: it waits, within its expiry, for the operator.
    /// </summary>
    public Delivery JudgeAccount(string? why = null) => Status is 401 or 402 or 403
        ? new Delivery(SendOutcome.Retry, Detail: why is null ? $"Answered {Status}: check the account." : $"Answered {Status}: {why}")
        : Judge(why);

    /// <summary>The body as JSON; a reader of nothing where it is no JSON, is too long or does not come to its end in time.</summary>
    public async Task<DocumentReader> ReadAsync()
    {
        try
        {
            var buffer = new byte[BodyBytesMax + 1];
            using var body = await response.Content.ReadAsStreamAsync(deadline);
            var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, deadline);
            if (length > BodyBytesMax)
                return Nothing;
            using var json = JsonDocument.Parse(buffer.AsMemory(0, length));
            return new DocumentReader(json.RootElement.Clone(), "", []);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or JsonException)
        {
            return Nothing;
        }
        catch (OperationCanceledException) when (!caller.IsCancellationRequested)
        {
            return Nothing;
        }
    }

    private static DocumentReader Nothing => new(default, "", []);

    private static TimeSpan? Bounded(TimeSpan? wait) => wait > RetryAfterMax ? RetryAfterMax : wait > TimeSpan.Zero ? wait : null;
}
