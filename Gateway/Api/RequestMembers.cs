using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>The body of a request to do something: a small object of optional strings, numbers and documents, or nothing at all.</summary>
internal static class RequestMembers
{
    public const string Reason = "reason";

    /// <param name="known">
    /// The members it may have, beside <see cref="Reason"/>, and whether each is a string, a number, an object or, which <see cref="JsonValueKind.True"/> stands
    /// for, a boolean.
    /// </param>
    /// <exception cref="BadHttpRequestException">It is too large, or no JSON object.</exception>
    public static Task<(DocumentError? Error, JsonObject Members)> ReadAsync(HttpRequest request, params (string Name, JsonValueKind Kind)[] known) =>
        ReadAsync(request, Limits.KeyRequestBytesMax, known);

    /// <inheritdoc cref="ReadAsync(HttpRequest, ValueTuple{string, JsonValueKind}[])"/>
    public static async Task<(DocumentError? Error, JsonObject Members)> ReadAsync(
        HttpRequest request, int bytesMax, params (string Name, JsonValueKind Kind)[] known)
    {
        if (request.ContentType is null && request.ContentLength is null or 0)
            return (null, []);
        using var body = await RequestBody.ReadAsync(request, bytesMax);
        return body.Parse(static (json, known) => Read(json, known), ((string Name, JsonValueKind Kind)[])[(Reason, JsonValueKind.String), .. known]);
    }

    private static (DocumentError?, JsonObject) Read(ReadOnlySpan<byte> json, (string Name, JsonValueKind Kind)[] known)
    {
        RequestBody.RequireObject(json);
        if (JsonDefects.FindInObject(json) is { } defect)
            return (defect, []);
        var members = (JsonObject)JsonNode.Parse(json, null, new JsonDocumentOptions { MaxDepth = Limits.DepthMax, AllowDuplicateProperties = false })!;
        foreach (var (name, value) in members)
        {
            var kind = known.FirstOrDefault(member => member.Name == name).Kind;
            if (kind == JsonValueKind.Undefined)
                return (new(JsonDefects.Pointer(name), $"is unknown; known are {string.Join(", ", known.Select(static member => member.Name))}"), []);
            if (value?.GetValueKind() is not { } found || (found == JsonValueKind.False ? JsonValueKind.True : found) != kind)
                return (new($"/{name}", $"must be {Words(kind)}"), []);
        }
        return (string?)members[Reason] is { Length: > Limits.ReasonLengthMax }
            ? (new($"/{Reason}", $"must have at most {Limits.ReasonLengthMax} characters"), [])
            : (null, members);
    }

    private static string Words(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.True => "true or false",
        _ => kind == JsonValueKind.String ? "a string" : "a number",
    };
}
