using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Orleans.Runtime;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>One thing that is wrong with a request (RFC 9457, section 3.2).</summary>
/// <param name="Detail">For people.</param>
/// <param name="Pointer">A JSON pointer (RFC 6901) into the body; empty for the whole.</param>
internal sealed record ProblemError(string Detail, string Pointer);

/// <summary>Errors as problem details (RFC 9457).</summary>
internal static class Problems
{
    /// <summary>How long a caller should wait when there is no room or no answer: commits take milliseconds, so a moment is enough.</summary>
    private const string RetryAfterSeconds = "1";

    public static ProblemHttpResult Of(int status, string detail) => TypedResults.Problem(detail, statusCode: status);

    public static ProblemHttpResult NotFound(string detail) => Of(StatusCodes.Status404NotFound, detail);

    public static ProblemHttpResult Invalid(string detail, params IEnumerable<DocumentError> errors) => TypedResults.Problem(
        detail,
        statusCode: StatusCodes.Status400BadRequest,
        extensions: [new("errors", errors.Select(error => new ProblemError(error.Detail, error.Pointer)).ToArray())]);

    /// <summary>Nothing is wrong with the request; it may be repeated after a moment.</summary>
    public static IResult TryLater(int status, string detail, EventResult[]? results = null) =>
        new Later(TypedResults.Problem(detail, statusCode: status, extensions: results is null ? [] : [new("results", results)]));

    /// <summary>Words for what the framework refuses without any.</summary>
    public static void Explain(ProblemDetails problem) => problem.Detail ??= problem.Status switch
    {
        StatusCodes.Status404NotFound => "There is nothing at this path; /openapi/v1.json lists what there is.",
        StatusCodes.Status405MethodNotAllowed => "This path does not take this method; the header Allow names those it takes.",
        StatusCodes.Status415UnsupportedMediaType => "The content type must be application/json.",
        StatusCodes.Status500InternalServerError => "This is a fault of the server; its log says more.",
        _ => null,
    };

    private sealed class Later(ProblemHttpResult problem) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.Headers.RetryAfter = RetryAfterSeconds;
            return problem.ExecuteAsync(httpContext);
        }
    }
}

/// <summary>Makes problem details of the exceptions that have a meaning for the caller; all others are faults of ours: a 500 that says nothing.</summary>
internal sealed class ProblemExceptions : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        var result = exception switch
        {
            BadHttpRequestException bad => Problems.Of(bad.StatusCode, bad.Message),
            DocumentInUseException used => Problems.Of(StatusCodes.Status409Conflict, used.Message),
            JournalBusyException => Problems.TryLater(StatusCodes.Status429TooManyRequests, "There is no room for more changes at the moment."),
            Imports.ImportMovedException moved => Problems.Of(StatusCodes.Status409Conflict, moved.Message),
            SuppressionListFullException full => Problems.Of(StatusCodes.Status409Conflict, full.Message),
            // Whatever keeps a call from its grain or its answer from here may have happened after the change was made.
            JournalException or TimeoutException or OrleansException => Problems.TryLater(
                StatusCodes.Status503ServiceUnavailable, "It is not known whether this was done; repeating it is safe."),
            _ => null,
        };
        if (result is not null)
            await result.ExecuteAsync(httpContext);
        return result is not null;
    }
}
