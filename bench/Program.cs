Console.Error.WriteLine("usage: dotnet run -c Release --project bench -- all | <scenario>");
return 64;
